# SPDX-License-Identifier: Apache-2.0
"""Cycles are estimated by the published tables, and by nothing else."""

from __future__ import annotations

import pytest
from myna.bench.counters import Count, Mix
from myna.bench.cycles import CORES, Clock, Cycles
from myna.bench.instructions import CLASSES, Class, Kind
from myna.device.target import BOARDS
from myna.errors import MynaError

UNTIMED = {"cortex-m0plus", "cortex-m33"}  # nothing is in the tables of these yet
POP = Class(Kind.MULTIPLE, 4)


def count(jumps: dict[Class, int] | None = None, lines: int = 0, **executed: int) -> Count:
    """So many instructions of each kind, POPs of four registers as `pop`."""
    wanted = {Class(Kind[name.upper()]): n for name, n in executed.items() if name != "pop"}
    wanted[POP] = executed.get("pop", 0)
    numbers = tuple(wanted.get(one, 0) for one in CLASSES)
    gone = tuple((jumps or {}).get(one, 0) for one in CLASSES)
    return Count(sum(numbers), 0, 0, 0, Mix(numbers, gone, lines))


def cycles(core: str, counted: Count, wait_states: int = 0) -> Cycles:
    return Clock(CORES[core], 1_000_000, wait_states).cycles(counted)


def test_every_emulated_core_has_a_table() -> None:
    emulated = [board for board in BOARDS.values() if board.kind == "qemu"]
    arm = {board.cpu for board in emulated if board.emulator == "qemu-system-arm"}
    assert arm - UNTIMED == CORES.keys()


@pytest.mark.parametrize("core", CORES)
def test_ranges_hold_what_is_likely(core: str) -> None:
    table = CORES[core]
    for cycles in (*table.takes.values(), table.register, table.refill, table.loop):
        assert 0 <= cycles.low <= cycles.likely <= cycles.high


def test_multiplications_differ_between_cores() -> None:
    counted = count(multiply=10, multiply_add=10, multiply_long=10)
    assert cycles("cortex-m4", counted) == Cycles.exactly(30)
    assert cycles("cortex-m3", counted) == Cycles(60, 70, 80)


def test_a_branch_that_is_taken_refills_the_pipeline() -> None:
    branch = Class(Kind.BRANCH)
    counted = count({branch: 3}, branch=5)
    assert cycles("cortex-m4", counted) == Cycles(5 + 3, 5 + 6, 5 + 9)
    assert cycles("cortex-m7", counted).low == 2.5  # foreseen, and issued with another
    loop = Class(Kind.LOOP)
    assert cycles("cortex-m55", count({loop: 9}, loop=10)).likely == 0


def test_registers_are_loaded_one_after_another() -> None:
    assert cycles("cortex-m4", count({POP: 1}, pop=2)) == Cycles(10 + 1, 10 + 2, 10 + 3)
    assert cycles("cortex-m4", count(load=1, neighbour=3)) == Cycles(5, 5, 8)


def test_flash_is_waited_for_line_by_line() -> None:
    counted = count(other=8, lines=3)
    assert cycles("cortex-m4", counted, wait_states=5) == Cycles.exactly(8 + 15)


def test_the_result_says_what_it_rests_on() -> None:
    clock = Clock.of("qemu_m4", 64_000_000, 2)
    said = clock.to_json() | clock.estimate(count(other=64_000))
    assert (said["clock_hz"], said["wait_states"]) == (64_000_000, 2)
    assert "Technical Reference Manual" in said["cycles_by"]
    assert (said["estimated_cycles"], said["estimated_ms"]) == (64_000, 1.0)
    assert said["estimated_cycles_range"] == [64_000, 64_000]


def test_a_core_without_a_table_is_named() -> None:
    with pytest.raises(MynaError, match="no table of cycles of rv32imc"):
        Clock.of("qemu_rv32", 64_000_000, 0)
