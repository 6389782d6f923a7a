# SPDX-License-Identifier: Apache-2.0
"""Receiver operating characteristic: genuine and impostor scores at every threshold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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
