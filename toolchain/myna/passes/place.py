# SPDX-License-Identifier: Apache-2.0
"""Offsets of buffers in the arena: first-fit in several orders, then random exchanges."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from myna.ir import Array

TRIALS = 300  # random orders at most, where the sorted ones stay above the lower bound
PLACEMENTS = 100_000  # buffers placed in all of them together


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
        bound: the largest sum of live bytes; no trial follows the first that needs no more.
    """
    fit = _FirstFit(buffers)
    keys = (
        lambda b: (-b.size, b.start),
        lambda b: (-(b.end - b.start) * b.size, b.start),
        lambda b: (b.start - b.end, -b.size),
        lambda b: 0,
    )
    orders = [sorted(range(len(buffers)), key=lambda i: key(buffers[i])) for key in keys]
    best = min(map(fit.offsets, orders), key=fit.top)
    order, shuffle = orders[0], random.Random(0)
    for _ in range(min(TRIALS, PLACEMENTS // len(buffers))):
        if fit.top(best) == bound:
            break
        trial = list(order)
        a, b = shuffle.randrange(len(trial)), shuffle.randrange(len(trial))
        trial.insert(a, trial.pop(b))
        placed = fit.offsets(trial)
        if fit.top(placed) <= fit.top(best):
            best, order = placed, trial
    return [int(offset) for offset in best]


class _FirstFit:
    """Puts buffers one after the other at the lowest free offset."""

    def __init__(self, buffers: Sequence[Buffer]) -> None:
        start, end, self._size = np.array([(b.start, b.end, b.size) for b in buffers]).T
        meets = (start[:, None] <= end) & (start <= end[:, None])
        self._rivals = [np.flatnonzero(row) for row in meets]

    def offsets(self, order: Sequence[int]) -> Array:
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
        return np.asarray(end - self._size)

    def top(self, offsets: Array) -> int:
        """Size of the arena."""
        return int((offsets + self._size).max())
