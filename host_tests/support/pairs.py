# SPDX-License-Identifier: Apache-2.0
"""Tests over a product of parameters: what every run tries of it, and what is left to the night."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from _pytest.mark import ParameterSet


def pairs(rows: Sequence[object], columns: Sequence[object], shift: int = 0) -> list[ParameterSet]:
    """All pairs, of which those that every run tries meet each row and each column.

    Tests that share rows and columns meet other pairs by another ``shift``.
    """
    first = [_parameter(row) for row in rows]
    second = [_parameter(column) for column in columns]
    often = {
        (k % len(first), (k + shift) % len(second)) for k in range(max(len(first), len(second)))
    }
    return [
        pytest.param(
            *(*a.values, *b.values),
            marks=[*a.marks, *b.marks, *([] if (i, j) in often else [pytest.mark.nightly])],
        )
        for i, a in enumerate(first)
        for j, b in enumerate(second)
    ]


def _parameter(value: object) -> ParameterSet:
    return value if isinstance(value, ParameterSet) else pytest.param(value)
