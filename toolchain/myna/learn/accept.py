# SPDX-License-Identifier: Apache-2.0
"""Which classifications are accepted: a confidence, and a threshold calibrated on the device.

Twin of firmware/runtime/accept.c, in the same integers. The confidence of a classification is the
similarity to its class (`ops.similarity`) minus what is typical of that class. What is typical, and
the threshold, come from what the device stores, without a recording of a foreign word: variations
of the clips, and the memories. Each of them is foreign to all enrolled words but its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from myna import fixed
from myna.ir import Array

BINS, BIN_WIDTH = 128, 512
LOWEST = -BINS // 2 * BIN_WIDTH
FOREIGN_PERCENT = 1  # of the impostors at hand may pass the higher bound, and
OWN_PERCENT = 20  # of the genuine examples may miss the lower one


@dataclass(frozen=True)
class Acceptance:
    """What calibration found.

    Attributes:
        typical: similarity of each class's examples to it, int32 [rows], Q15.
        threshold: the least confidence that is accepted, Q15.
    """

    typical: Array
    threshold: int


@dataclass(frozen=True)
class Judged:
    """What became of feature maps.

    Attributes:
        labels: the class with the largest logit, [n].
        confidences: similarity to it beyond what is typical of it, int64 [n], Q15.
        accepted: whether it reaches the threshold, bool [n].
    """

    labels: npt.NDArray[np.int64]
    confidences: npt.NDArray[np.int64]
    accepted: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int, bool]]) -> Judged:
        """From (label, confidence, accepted) of each map."""
        labels, confidences, accepted = np.array(list(rows), np.int64).reshape(-1, 3).T
        return cls(labels, confidences, accepted.astype(bool))


def calibrate(
    labels: npt.NDArray[np.int64], similarities: Array, enrolled: Collection[int], old: Acceptance
) -> Acceptance:
    """What is typical of the classes, and the threshold.

    Half-way between a confidence that few impostors reach and one that most genuine examples
    reach: training has driven the impostors at hand further away than foreign words will be.

    Args:
        labels: classes of the examples, [n].
        similarities: of the examples to every class, int32 [n, rows], Q15.
        enrolled: the words.
        old: kept where there is no example.
    """
    typical = old.typical.copy()
    for label in np.unique(labels):
        own = similarities[labels == label, label].astype(np.int64)
        typical[label] = fixed.divide(own.sum(), len(own))
    words = np.array(sorted(enrolled), np.int64)
    confidences = similarities[:, words].astype(np.int64) - typical[words]
    is_own = labels[:, None] == words
    genuine = confidences[is_own]
    others = np.where(is_own, np.iinfo(np.int64).min, confidences)
    foreign = others[~is_own.all(1)].max(1, initial=np.iinfo(np.int64).min)
    if not len(genuine):
        return Acceptance(typical, old.threshold)
    own_bound = reached_by(genuine, 100 - OWN_PERCENT)
    bound = reached_by(foreign, FOREIGN_PERCENT) if len(foreign) else own_bound
    return Acceptance(typical, int((own_bound + bound) / 2))


def reached_by(confidences: Array, percent: int) -> int:
    """The least edge of a bin of the histogram that at most so many percent reach."""
    bins = np.clip((confidences - LOWEST) // BIN_WIDTH, 0, BINS - 1)
    above = np.cumsum(np.bincount(bins, minlength=BINS)[::-1])
    reached = int((100 * above <= percent * len(confidences)).sum())
    return LOWEST + (BINS - reached) * BIN_WIDTH
