# SPDX-License-Identifier: Apache-2.0
"""Counts are read from the plugin's lines, added, and taken from each other."""

from __future__ import annotations

from myna.bench.counters import Count, Mix
from myna.bench.instructions import CLASSES


def mix(other: int, last: int, jumps: int, lines: int) -> Mix:
    """So many instructions of the first and of the last class, all jumps of the last."""
    rest = (0,) * (len(CLASSES) - 2)
    return Mix((other, *rest, last), (0, *rest, jumps), lines)


def test_counts_add_and_subtract() -> None:
    a, b = Count(5, 3, 2, 64, mix(3, 2, 1, 7)), Count(4, 2, 1, 80, mix(3, 1, 1, 2))
    assert a + b == Count(9, 5, 3, 80, mix(6, 3, 2, 9))
    assert a.since(b) == Count(1, 1, 1, 64, mix(0, 1, 0, 5))


def test_a_line_of_the_plugin_is_read() -> None:
    expected = mix(3, 2, 1, 7)
    numbers = (30, 20, 64, 7, *expected.executed, *expected.jumps)
    assert Count.parse(" ".join(map(str, numbers))) == Count(5, 30, 20, 64, expected)
