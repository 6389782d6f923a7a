# SPDX-License-Identifier: Apache-2.0
"""Receiver operating characteristic: genuine and impostor scores at every threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from myna.ir import Array

Scores = npt.NDArray[np.int64]
NEVER = -(2**62)  # a score that is accepted at no threshold


def threshold(impostors: Scores, share: float) -> int:
    """The least score that is accepted such that at most this share of the impostors is.

    Args:
        impostors: scores; `NEVER` where the impostor is rejected at any threshold.
        share: in [0, 1).
    """
    first_rejected = int(np.sort(impostors)[::-1][int(share * len(impostors))])
    return first_rejected + 1


def area(genuine: Scores, impostors: Scores) -> float:
    """The area under the curve: how often a genuine score is the larger one; half where equal."""
    ordered = np.sort(impostors)
    below = np.searchsorted(ordered, genuine, "left")
    not_above = np.searchsorted(ordered, genuine, "right")
    return float((below + not_above).mean()) / (2 * len(impostors))


@dataclass(frozen=True)
class Trials:
    """What one user's verification scored.

    Attributes:
        genuine: scores of the user's own takes, and
        impostors: of others', real numbers, neither empty.
    """

    genuine: npt.NDArray[np.float64]
    impostors: npt.NDArray[np.float64]


class Curve:
    """At one threshold for all users: who is accepted. Each user weighs alike, however many takes.

    Args:
        users: of at least one.
    """

    def __init__(self, users: Sequence[Trials]) -> None:
        scores = np.concatenate([np.r_[one.genuine, one.impostors] for one in users])
        own = np.concatenate([_shares(one.genuine, one.impostors) for one in users])
        other = np.concatenate([_shares(one.impostors, one.genuine)[::-1] for one in users])
        order = np.argsort(-scores, kind="stable")
        last = np.flatnonzero(np.diff(scores[order], append=-np.inf))  # equal ones go together
        self._least = scores[order][last]  # that is accepted, of each point but the first
        self._right = np.r_[0.0, np.cumsum(own[order])[last]] / len(users)
        self._wrong = np.r_[0.0, np.cumsum(other[order])[last]] / len(users)

    def equal_error_rate(self) -> float:
        """Where as many impostors are accepted as users refused, in percent."""
        at = np.abs(self._wrong - (1 - self._right)).argmin()
        return float(50 * (self._wrong[at] + 1 - self._right[at]))

    def true_positives(self, false_positives: float) -> float:
        """Users' takes accepted where at most so many impostors' are; both in percent."""
        at = np.searchsorted(self._wrong, false_positives / 100 + 1e-9, "right") - 1
        return float(100 * self._right[at])

    def keeping(self, refused: float) -> tuple[float, float, float]:
        """The largest threshold that refuses at most so many of the users' takes, fewer than all;
        users' takes and impostors' that it refuses, all in percent."""
        at = int(np.flatnonzero(1 - self._right <= refused / 100 + 1e-9)[0])
        own, others = (100 * (1 - float(part[at])) for part in (self._right, self._wrong))
        return float(self._least[at - 1]), own, others


def interval(values: Sequence[float]) -> list[float]:
    """Where 95 % of resampled values lie."""
    return [float(edge) for edge in np.percentile(values, (2.5, 97.5))]


def _shares(some: Array, rest: Array) -> npt.NDArray[np.float64]:
    """Each of some weighs its share of them, the rest nothing."""
    return np.concatenate([np.full(len(some), 1 / len(some)), np.zeros(len(rest))])
