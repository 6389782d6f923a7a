# SPDX-License-Identifier: Apache-2.0
"""In which order training sees the clips; twin of firmware/runtime/schedule.c."""

from __future__ import annotations

from collections.abc import Sequence

from myna import fixed

TAG = 0x53484646  # no tensor draws with this tag


def shuffle(items: Sequence[int], seed: int, epoch: int) -> list[int]:
    """The items in the order of one epoch (Fisher and Yates over the counter PRNG)."""
    order = list(items)
    key = fixed.key(seed, epoch, TAG)
    for i in range(len(order) - 1, 0, -1):
        j = (int(fixed.random32(key, i)) * (i + 1)) >> 32
        order[i], order[j] = order[j], order[i]
    return order


def pick(items: Sequence[int], seed: int, step: int) -> int:
    """The item whose turn is at `step`; every epoch of len(items) steps visits all items once.

    Args:
        items: slots of the stored clips, ascending; not empty.
        seed: the state's seed, taken modulo 2**32.
        step: training steps done before.
    """
    return shuffle(items, seed, step // len(items))[step % len(items)]
