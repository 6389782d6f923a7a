# SPDX-License-Identifier: Apache-2.0
"""Whether the takes of a word say the same; twin of firmware/runtime/takes.c."""

from __future__ import annotations

from math import isqrt

import numpy as np

from myna.ir import Array
from myna.ops.imprint import CENTER_BITS

ALIKE = 48  # smallest agreement of takes of one word: a cosine of 0.38


def agreement(embeddings: Array, center: Array) -> list[int]:
    """Of each take, the cosine of its centred embedding with the sum of the others', in 1/127.

    Args:
        embeddings: int [takes, n] without zero point; at least two takes.
        center: int16 [n], Q4.
    """
    away = (embeddings.astype(np.int64) << CENTER_BITS) - center
    rest = away.sum(0) - away
    return [_cosine(own, others) for own, others in zip(away, rest, strict=True)]


def _cosine(a: Array, b: Array) -> int:
    lengths = isqrt(int(a @ a)) * isqrt(int(b @ b))
    product = 127 * int(a @ b)
    cosine = abs(product) // lengths * (1 if product > 0 else -1) if lengths else 0
    return max(-127, min(127, cosine))


def odd_one(agreements: list[int]) -> int | None:
    """The take that says another word than the others; None if all agree."""
    least = min(agreements)
    return agreements.index(least) if least < ALIKE else None
