# SPDX-License-Identifier: Apache-2.0
"""Words in a stream of logits: smoothed, by a threshold for each word, once for each time it is said.

Twin of firmware/runtime/detect.c, in the same integers; SPEC.md, section 17. The *lead* of a class
is its logit minus the largest other one: the log-odds of the class, but for terms that are small
where it matters. Its sum over the latest `span` decisions is the score. A word that is said gives
some high scores in a row, of which only the first is an event: afterwards nothing is heard for a
refractory time. Source: Chen, Parada and Heigold, "Small-Footprint Keyword Spotting Using Deep
Neural Networks" (ICASSP 2014), which averages posteriors.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from myna.ir import Array

MOST_SPAN = 16  # decisions; bounds the ring
NEVER = 2**31 - 1  # a threshold that no score reaches
Scores = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Rule:
    """When a word was said.

    Attributes:
        span: decisions whose leads are summed, 1 … `MOST_SPAN`.
        period: ticks from one decision to the next.
        refractory: ticks after an event without another.
        thresholds: the least score of each class that is an event; `NEVER` for what is no word.
    """

    span: int
    period: int
    refractory: int
    thresholds: tuple[int, ...]


@dataclass(frozen=True)
class Event:
    """A word was said.

    Attributes:
        time: of the decision, in ticks.
        label: the word's class.
        score: at that time.
    """

    time: int
    label: int
    score: int


def leads(logits: Array) -> Scores:
    """Of each class, its logit minus the largest other one; int8 [n, classes] -> int32, the same.

    There are two classes at least.
    """
    wide = logits.astype(np.int32)
    second, first = np.partition(wide, wide.shape[1] - 2, axis=1)[:, -2:].T
    # of equal first ones each is the other's rival, so the second is as large
    rivals = np.where(wide == first[:, None], second[:, None], first[:, None])
    return np.asarray(wide - rivals, np.int32)


def scores(logits: Array, span: int) -> Scores:
    """Sums of the leads of `span` decisions in a row: int8 [n, classes] -> [n - span + 1, classes].

    Row i is of the decisions i … i + span - 1. Nothing is left of fewer decisions than `span`.
    """
    total = np.cumsum(np.pad(leads(logits), ((1, 0), (0, 0))), axis=0, dtype=np.int32)
    return np.asarray(total[span:] - total[:-span], np.int32)


def detect(logits: Array, times: npt.NDArray[np.uint32], rule: Rule) -> tuple[Event, ...]:
    """The words said in a stream.

    Args:
        logits: int8 [n, classes], the decisions; two classes at least.
        times: when each was made, in ticks modulo 2^32, [n]. Where two are not `rule.period` apart,
            as after a pause in which the core slept, sums begin anew.
        rule: with a threshold for each class.
    """
    elapsed = np.diff(times, prepend=times[:1])
    starts = np.flatnonzero(elapsed != rule.period).tolist()  # the first decision is one of them
    when = np.cumsum(elapsed, dtype=np.int64)
    found: list[Event] = []
    free = 0  # from then on there may be an event
    for start, end in pairwise([*starts, len(times)]):
        summed = scores(logits[start:end], rule.span)
        excess = summed - np.array(rule.thresholds, np.int64)
        for row in np.flatnonzero(excess.max(1) >= 0).tolist():
            at = start + row + rule.span - 1
            if when[at] >= free:
                label = int(excess[row].argmax())
                found.append(Event(int(times[at]), label, int(summed[row, label])))
                free = int(when[at]) + rule.refractory
    return tuple(found)
