# SPDX-License-Identifier: Apache-2.0
"""A word's threshold for a wanted rate of false accepts, from minutes in which nobody says it.

Rates of interest are rarer than any event of so little sound. So the tail is continued: what
exceeds a high level does so by an exponentially distributed amount. Source: Pickands, "Statistical
Inference Using Extreme Order Statistics" (Annals of Statistics, 1975), with shape 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from myna import fixed
from myna.errors import MynaError

TAIL = 20  # of so many blocks one counts as the tail, and
LEAST = 8  # blocks at least
HOUR = 3600


def threshold(scores: npt.NDArray[np.int32], per_second: int, rate: float) -> int:
    """The least score that is an event.

    Args:
        scores: of decisions in a row, int32 [n].
        per_second: decisions.
        rate: wanted false accepts per hour, more than 0.

    Raises:
        MynaError: there are too few scores.
    """
    blocks = scores[: len(scores) // per_second * per_second].reshape(-1, per_second).max(1)
    count = max(len(blocks) // TAIL, LEAST)
    if len(blocks) <= count:
        raise MynaError(
            f"{len(blocks)} seconds of stored negatives are too few to set a threshold by",
            where="negatives.npz",
            fix="make it with `myna negatives`",
        )
    highest = np.sort(blocks.astype(np.int64))[::-1]
    level = int(highest[count])
    mean = int((highest[:count] - level).sum()) // count
    # events of the tail in an hour, over the wanted ones, as a logarithm in Q16
    ratio = max(int(count * HOUR / len(blocks) / rate * 65536), 1)
    log = (int(fixed.log2_q16(ratio)) - (16 << 16)) * fixed.LN2_Q16 >> 16
    return level + (mean * log >> 16)
