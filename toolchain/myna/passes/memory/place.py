# SPDX-License-Identifier: Apache-2.0
"""Offsets of buffers in the arena.

First-fit in several orders meets the lower bound of most programs. Where it does not, a solver
places the buffers, if they are few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np

from myna.passes.memory.solver import ask

SMALL = 256  # buffers, which the solver places in less than a second

Order = Callable[["Buffer"], tuple[int, int]]  # what buffers are sorted by


@dataclass(frozen=True)
class Buffer:
    """Values that share memory, because ops work in place.

    Attributes:
        tensors: the values.
        size: bytes, aligned.
        start, end: first and last node index at which it is live (inputs start at −1).
    """

    tensors: tuple[str, ...]
    size: int
    start: int
    end: int


ORDERS: tuple[Order, ...] = (
    lambda b: (-b.size, b.start),
    lambda b: (-(b.end - b.start) * b.size, b.start),
    lambda b: (b.start - b.end, -b.size),
    lambda b: (0, 0),
)


def bytes_live(buffers: Iterable[Buffer], nodes: int) -> list[int]:
    """Bytes of live buffers at every node; inputs and outputs are not live beyond."""
    change = np.zeros(nodes + 1, np.int64)
    for buffer in buffers:
        change[max(buffer.start, 0)] += buffer.size
        change[min(buffer.end + 1, nodes)] -= buffer.size
    return [int(total) for total in change[:-1].cumsum()]


def place(buffers: Sequence[Buffer], bound: int) -> list[int]:
    """Offset of every buffer, so that no two overlap that are live at the same time.

    Args:
        buffers: what to place.
        bound: the largest sum of live bytes; the solver tries where first-fit needs more.
    """
    rivals, found = _rivals(buffers), []
    for key in ORDERS:
        ranks = [key(buffer) for buffer in buffers]
        order = sorted(range(len(buffers)), key=ranks.__getitem__)
        offsets = _first_fit(buffers, rivals, order)
        if _top(buffers, offsets) <= bound:
            return offsets
        found.append(offsets)
    best = min(found, key=lambda offsets: _top(buffers, offsets))
    if len(buffers) > SMALL:
        return best
    unit = gcd(*(b.size for b in buffers))  # keeps offsets aligned as sizes are
    sizes, hint = [b.size // unit for b in buffers], [offset // unit for offset in best]
    live = [(b.start, b.end) for b in buffers]
    return [unit * offset for offset in ask("offsets", sizes=sizes, live=live, hint=hint)]


def _rivals(buffers: Sequence[Buffer]) -> list[list[int]]:
    """For each buffer those that are live at the same time."""
    start, end = np.array([(b.start, b.end) for b in buffers]).T
    meets = (start[:, None] <= end) & (start <= end[:, None])
    return [np.flatnonzero(row).tolist() for row in meets]


def _first_fit(
    buffers: Sequence[Buffer], rivals: Sequence[Sequence[int]], order: Iterable[int]
) -> list[int]:
    """Offsets by buffer, placed one after the other, in this order, at the lowest free one."""
    placed: dict[int, tuple[int, int]] = {}  # buffer -> where it begins and ends
    for index in order:
        size, offset = buffers[index].size, 0
        for begin, end in sorted(placed[rival] for rival in rivals[index] if rival in placed):
            if begin - offset >= size:
                break
            offset = max(offset, end)
        placed[index] = (offset, offset + size)
    return [placed[index][0] for index in range(len(buffers))]


def _top(buffers: Sequence[Buffer], offsets: Sequence[int]) -> int:
    """Size of the arena."""
    return max(offset + buffer.size for buffer, offset in zip(buffers, offsets, strict=True))
