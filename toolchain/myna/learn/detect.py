# SPDX-License-Identifier: Apache-2.0
"""Words in a stream: by what a network makes of sound before, while and after they are said.

Twin of firmware/runtime/detect.c, in the same integers; SPEC.md, section 17. As a word passes
through the window of a network that streams, embeddings follow each other in an order of their own.
A *template* holds the directions of some of them, `STEPS` in all, each the mean over the word's
takes. The score of a word is the sum of their cosines with the embeddings that arrive: a matched
filter in time, where a mean of the latest decisions would weigh all alike. From each, half the
largest cosine with a *foil* is taken, directions that embeddings of any speech have. A word that is
said gives some high scores in a row, of which only the first is an event: afterwards nothing is
heard for a refractory time.

Sources: Turin, "An Introduction to Matched Filters" (IRE Transactions on Information Theory, 1960);
Hazen, Shen and White, "Query-by-Example Spoken Term Detection Using Phonetic Posteriorgram
Templates" (ASRU 2009).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from myna import fixed
from myna.ops.imprint import CENTER_BITS

STEPS = 7  # directions of a template
STRIDE = 4  # decisions from one to the next
SPAN = (STEPS - 1) * STRIDE  # decisions from the first to the last
MIDDLE = SPAN // 2  # the decision at which the word is in the middle of the window
UNIT = 127  # length of a direction
FULL = STEPS * UNIT << 15  # the score of sound that is just like a template
PIECE = 1 << 14  # scores that are computed at once

Embeddings = npt.NDArray[np.int16]  # [n, inputs of the head], without their zero point
Template = npt.NDArray[np.int8]  # [STEPS, inputs of the head]


@dataclass(frozen=True)
class Rule:
    """When a word was said.

    Attributes:
        period: ticks from one decision to the next.
        refractory: ticks after an event without another.
        thresholds: the least score of each word that is an event.
    """

    period: int
    refractory: int
    thresholds: tuple[int, ...]


@dataclass(frozen=True)
class Event:
    """A word was said.

    Attributes:
        time: of the decision at which it was heard, in ticks.
        word: its number.
        score: at that time.
    """

    time: int
    word: int
    score: int


def directions(embeddings: Embeddings, center: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
    """Centred embeddings of length one, Q15: int64 [n, inputs].

    Args:
        embeddings: [n, inputs].
        center: [inputs], Q4.
    """
    away, inverse = _centred(embeddings, center)
    return np.asarray((away * inverse[:, None]) >> 15)


def template(takes: Sequence[Embeddings], center: npt.NDArray[np.int16]) -> Template:
    """The template of a word.

    Args:
        takes: of each, the embeddings of `SPAN` + 1 decisions in a row; in the middle one the word
            is in the middle of the window.
        center: [inputs], Q4.
    """
    total = np.sum([directions(take[::STRIDE], center) for take in takes], axis=0)
    length = np.maximum(_root((total**2).sum(1)), 1)
    return fixed.divide(UNIT * total, length[:, None]).astype(np.int8)


def with_take(own: Template, takes: int, more: Template) -> Template:
    """A template of so many takes with another one, of which the directions are known."""
    total = takes * own.astype(np.int64) + more
    length = np.maximum(_root((total**2).sum(1)), 1)
    return fixed.divide(UNIT * total, length[:, None]).astype(np.int8)


@dataclass(frozen=True)
class Space:
    """What scores depend on beside a word.

    Attributes:
        center: of embeddings, int16 [inputs], Q4.
        foils: int8 [n, inputs], n may be 0.
    """

    center: npt.NDArray[np.int16]
    foils: npt.NDArray[np.int8]


def scores(
    embeddings: Embeddings, space: Space, template: Template, stride: int = STRIDE
) -> npt.NDArray[np.int32]:
    """Scores of a word in a stream: [n, inputs] -> int32 [n - span], span = 6 * stride.

    Score i is of the decisions i … i + span; nothing is said of fewer.

    Args:
        embeddings: [n, inputs].
        space: what scores depend on.
        template: of the word.
        stride: from one direction of the template to the next: 1 where only every `STRIDE`-th
            decision is there.
    """
    span = (STEPS - 1) * stride
    count = max(len(embeddings) - span, 0)
    pieces = [np.zeros(0, np.int32)]
    for at in range(0, count, PIECE):
        pieces.append(_scores(embeddings[at : at + PIECE + span], space, template, stride))
    return np.concatenate(pieces)


def _scores(
    embeddings: Embeddings, space: Space, template: Template, stride: int
) -> npt.NDArray[np.int32]:
    away, inverse = _centred(embeddings, space.center)
    own = fixed.matmul_exact(away, template.T) * inverse[:, None] >> 15
    if len(space.foils):
        rival = fixed.matmul_exact(away, space.foils.T).max(1) * inverse >> 16
        own -= rival[:, None]
    count = len(embeddings) - (STEPS - 1) * stride
    parts = [own[stride * j : stride * j + count, j] for j in range(STEPS)]
    return np.asarray(np.sum(parts, axis=0), np.int32)


def detect(
    embeddings: Embeddings,
    times: npt.NDArray[np.uint32],
    space: Space,
    templates: Sequence[Template],
    rule: Rule,
    rivals: Sequence[Template] = (),
) -> tuple[Event, ...]:
    """The words said in a stream.

    Args:
        embeddings: of the decisions, [n, inputs].
        times: when each was made, in ticks modulo 2^32, [n]. Where two are not `rule.period` apart,
            as after a pause in which the core slept, scores begin anew.
        space: what scores depend on.
        templates: of the words, one at least.
        rule: with a threshold for each word.
        rivals: directions of sounds that are no word. Where one of them has a larger score than the
            word, it is no event, and nor is anything for the refractory time.
    """
    elapsed = np.diff(times, prepend=times[:1])
    when = np.cumsum(elapsed, dtype=np.int64)
    starts = np.flatnonzero(elapsed != rule.period).tolist()  # the first decision is one of them
    found: list[tuple[int, int, int, bool]] = []  # decision, word, score, whether it is none
    for start, end in pairwise([*starts, len(times)]):
        some = np.array([scores(embeddings[start:end], space, one) for one in templates])
        foreign = [scores(embeddings[start:end], space, one) for one in rivals]
        excess = some - np.array(rule.thresholds, np.int64)[:, None]
        for at in np.flatnonzero(excess.max(0) >= 0).tolist():
            word = int(excess[:, at].argmax())
            score = int(some[word, at])
            is_rival = any(one[at] > score for one in foreign)
            found.append((start + SPAN + at, word, score, is_rival))
    heard = [found[i] for i in spaced(when[[at for at, *_ in found]], rule.refractory)]
    return tuple(
        Event(int(times[at]), word, score) for at, word, score, is_rival in heard if not is_rival
    )


def spaced(times: npt.NDArray[np.int64], refractory: int) -> list[int]:
    """Which of some times, ascending, are events: the first, and those not too soon after one."""
    chosen, at = [], 0
    while at < len(times):
        chosen.append(at)
        at = max(at + 1, int(np.searchsorted(times, times[at] + refractory)))
    return chosen


def _centred(
    embeddings: Embeddings, center: npt.NDArray[np.int16]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Embeddings without their centre, Q4 [n, inputs], and 2^30 over their lengths, [n]."""
    away = (embeddings.astype(np.int64) << CENTER_BITS) - center
    return away, np.asarray((1 << 30) // np.maximum(_root((away**2).sum(1)), 1))


def _root(x: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The integer square roots of numbers below 2^52, of which floats give the nearest at least."""
    root = np.sqrt(x.astype(np.float64)).astype(np.int64)
    return np.asarray(root - (root * root > x) + ((root + 1) ** 2 <= x))
