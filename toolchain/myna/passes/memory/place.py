# SPDX-License-Identifier: Apache-2.0
"""Offsets of buffers in the arena.

First-fit in several orders meets the lower bound of most programs. Where it does not, a solver
places the buffers, if they are few.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np

from myna.passes.memory.solver import ask

SMALL = 256  # buffers, which the solver places in less than a second


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
    fit = _FirstFit(buffers)
    keys = (
        lambda b: (-b.size, b.start),
        lambda b: (-(b.end - b.start) * b.size, b.start),
        lambda b: (b.start - b.end, -b.size),
        lambda b: 0,
    )
    orders = (sorted(range(len(buffers)), key=lambda i: key(buffers[i])) for key in keys)
    best = fit.best(orders, bound)
    if fit.top(best) <= bound or len(buffers) > SMALL:
        return best
    unit = gcd(*(b.size for b in buffers))  # keeps offsets aligned as sizes are
    sizes, hint = [b.size // unit for b in buffers], [offset // unit for offset in best]
    live = [(b.start, b.end) for b in buffers]
    return [unit * offset for offset in ask("offsets", sizes=sizes, live=live, hint=hint)]


class _FirstFit:
    """Puts buffers one after the other at the lowest free offset."""

    def __init__(self, buffers: Sequence[Buffer]) -> None:
        start, end, self._size = np.array([(b.start, b.end, b.size) for b in buffers]).T
        meets = (start[:, None] <= end) & (start <= end[:, None])
        self._rivals = [np.flatnonzero(row) for row in meets]

    def best(self, orders: Iterable[Sequence[int]], bound: int) -> list[int]:
        """The offsets that need least, of the orders up to the first that meets the bound."""
        found = []
        for order in orders:
            found.append(self.offsets(order))
            if self.top(found[-1]) <= bound:
                break
        return min(found, key=self.top)

    def offsets(self, order: Sequence[int]) -> list[int]:
        """Offsets by buffer, placed in this order."""
        end = np.zeros(len(order), np.int64)  # 0: not placed yet
        for index in order:
            rivals = self._rivals[index]
            rivals = rivals[end[rivals] > 0]
            ends = end[rivals]
            begins = ends - self._size[rivals]
            sort = begins.argsort()
            # where each gap begins: behind all that begins before
            gaps = np.maximum.accumulate(np.append(0, ends[sort]))
            free = np.append(begins[sort], np.iinfo(np.int64).max) - gaps >= self._size[index]
            end[index] = gaps[free.argmax()] + self._size[index]
        return [int(offset) for offset in end - self._size]

    def top(self, offsets: Sequence[int]) -> int:
        """Size of the arena."""
        return int((offsets + self._size).max())
