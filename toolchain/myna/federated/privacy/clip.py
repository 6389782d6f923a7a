# SPDX-License-Identifier: Apache-2.0
"""The L2 norm of an update, clipped without floats."""

from __future__ import annotations

from math import isqrt

import numpy as np

from myna.learn.vector import Vector


def clip(update: Vector, most: int) -> Vector:
    """An update of a norm of at most `most`, int32 [parameters].

    One that is longer is multiplied by `most` over its norm rounded up, and each element is
    rounded towards zero, so that the norm is never above the bound.

    Args:
        update: int32 [parameters].
        most: in [1, 2^30).
    """
    square = sum(value * value for value in update.tolist())  # beyond int64
    if square <= most * most:
        return update
    norm = isqrt(square - 1) + 1
    wide = update.astype(np.int64)
    return np.asarray(np.sign(wide) * (np.abs(wide) * most // norm), np.int32)
