# SPDX-License-Identifier: Apache-2.0
"""Tests over a product of parameters: what every run tries of it, and what is left to the night."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from _pytest.mark import ParameterSet
from myna.device.target import BOARDS, missing_programs

NIGHT = [pytest.mark.nightly]
RISCV = "qemu_rv32"
APART = ("host", RISCV, "qemu_f405", "stm32f405")  # have tests of their own
# machines and code of these are those of M4, M55 or M3
BY_NIGHT = ("qemu_m0plus", "qemu_m3", "qemu_m33", "qemu_m7")


def some_by_day(values: Iterable[object], daily: Sequence[object]) -> list[ParameterSet]:
    """All values, of which those that are not tried daily are left to the night."""
    return [pytest.param(value, marks=[] if value in daily else NIGHT) for value in values]


def emulated(*boards: str) -> list[ParameterSet]:
    """Emulated boards, by default all Cortex-M ones, some at night: kernels run on all by day."""
    return [
        pytest.param(board, marks=[pytest.mark.qemu, *(NIGHT if board in BY_NIGHT else [])])
        for board in boards or [each for each in BOARDS if each not in APART]
    ]


def riscv() -> ParameterSet:
    """The RISC-V board, where its compiler and emulator are installed: no set-up asks for them."""
    missing = missing_programs(BOARDS[RISCV])
    absent = pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")
    return pytest.param(RISCV, marks=[pytest.mark.qemu, absent])


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
            marks=[*a.marks, *b.marks, *([] if (i, j) in often else NIGHT)],
        )
        for i, a in enumerate(first)
        for j, b in enumerate(second)
    ]


def _parameter(value: object) -> ParameterSet:
    return value if isinstance(value, ParameterSet) else pytest.param(value)
