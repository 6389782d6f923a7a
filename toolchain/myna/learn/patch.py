# SPDX-License-Identifier: Apache-2.0
"""Where two blocks of equal size differ."""

from __future__ import annotations

import numpy as np

PLACE = 32  # bytes that a piece costs beside its own, at least: nearer ones become one


def differing(before: bytes, after: bytes) -> list[tuple[int, bytes]]:
    """The pieces of `after`, with their offsets, that make it of `before`."""
    places = np.flatnonzero(np.frombuffer(before, np.uint8) != np.frombuffer(after, np.uint8))
    groups = np.split(places, np.flatnonzero(np.diff(places) > PLACE) + 1)
    ends = [(int(group[0]), int(group[-1]) + 1) for group in groups if len(group)]
    return [(start, after[start:end]) for start, end in ends]


def cost(pieces: list[tuple[int, bytes]]) -> int:
    """Bytes that it takes to tell of them."""
    return sum(PLACE + len(piece) for _, piece in pieces)
