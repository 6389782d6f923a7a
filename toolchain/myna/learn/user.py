# SPDX-License-Identifier: Apache-2.0
"""Whether it is the user who speaks, told by a secret codeword; twin of firmware/server/user.c."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from myna import fixed
from myna.ops.codeword import CodewordLoss

ONE_Q15 = 1 << 15
PERCENT = 100
WARM_UP = 3  # takes, at most, by which a user's threshold is set
WANTED = 90  # percent of his takes that it is to accept
Score = TypeVar("Score", int, float)


def full(loss: CodewordLoss, length: int) -> int:
    """The correlation of outputs that say the codeword."""
    return length * loss.target


def score(correlation: int, most: int) -> int:
    """How far outputs say the codeword, Q15; `most` is that of `full`."""
    return int(fixed.divide(correlation * ONE_Q15, most))


def threshold(warm_up: Sequence[Score], wanted: int) -> Score:
    """The largest score that as large a share of further takes as wanted should reach.

    Of m takes the k-th smallest is reached by a further one with probability 1 - k / (m + 1): where
    even the smallest promises less than wanted, it is taken all the same.

    Args:
        warm_up: scores of the user's takes that were not learned, at least one.
        wanted: percent.
    """
    k = (PERCENT - wanted) * (len(warm_up) + 1) // PERCENT
    return sorted(warm_up)[max(k, 1) - 1]
