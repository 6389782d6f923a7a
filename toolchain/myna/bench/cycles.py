# SPDX-License-Identifier: Apache-2.0
"""Cycles and milliseconds, estimated from counted instructions by what is published of each core.

An estimate is no measurement: the emulator models no time. The tables say what an instruction takes
with memory that never waits. Each entry is a range with a likely value in it, and so is the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from myna.bench.counters import Count
from myna.bench.instructions import CLASSES, Kind
from myna.device.target import find_board
from myna.errors import MynaError

# Bytes of flash that arrive at once, as in counter.c: 128 bits, as of STM32F4 (RM0090, 3.5.1).
LINE_BYTES = 16


@dataclass(frozen=True)
class Cycles:
    """Cycles: at least, likely, at most."""

    low: float
    likely: float
    high: float

    @classmethod
    def exactly(cls, cycles: float) -> Cycles:
        """Where there is no doubt."""
        return cls(cycles, cycles, cycles)

    def __add__(self, other: Cycles) -> Cycles:
        return Cycles(self.low + other.low, self.likely + other.likely, self.high + other.high)

    def __rmul__(self, count: int) -> Cycles:
        return Cycles(count * self.low, count * self.likely, count * self.high)


NONE, ONE = Cycles.exactly(0), Cycles.exactly(1)


@dataclass(frozen=True)
class Core:
    """What is published of a core.

    Attributes:
        source: where.
        takes: cycles of each kind of instruction, of `MULTIPLE` beside those of its registers;
            one where a kind is missing.
        register: of each register that `MULTIPLE` loads or stores.
        refill: what an instruction takes besides behind which the code goes on elsewhere.
        loop: the same of `LOOP`.
    """

    source: str
    takes: Mapping[Kind, Cycles]
    register: Cycles = ONE
    refill: Cycles = Cycles(1, 2, 3)
    loop: Cycles = NONE


# Of the M3 and the M4 alike; the first load waits for its address phase, the next ones do not,
# unless they need what was loaded. A store's data waits in a buffer.
_MEMORY = {
    Kind.LOAD: Cycles.exactly(2),
    Kind.STORE: Cycles(1, 1, 2),
    Kind.NEIGHBOUR: Cycles(1, 1, 2),
    Kind.DIVIDE: Cycles(2, 7, 12),
}
CORES = {
    "cortex-m3": Core(
        "Cortex-M3 Technical Reference Manual (ARM DDI 0337H), 3.3",
        _MEMORY
        | {
            Kind.MULTIPLY_ADD: Cycles.exactly(2),
            Kind.MULTIPLY_LONG: Cycles(3, 4, 5),
            Kind.MULTIPLY_LONG_ADD: Cycles(4, 5, 7),
        },
    ),
    "cortex-m4": Core("Cortex-M4 Technical Reference Manual (ARM 100166), 3.3", _MEMORY),
    # Arm publishes no cycles of the M7 and the M55. At least: two instructions a cycle wherever
    # both pipelines may be free. At most: one, and each result is waited for.
    "cortex-m7": Core(
        "LLVM, ARMScheduleM7.td",
        dict.fromkeys(Kind, Cycles(0.5, 1, 1))
        | dict.fromkeys((Kind.LOAD, Kind.NEIGHBOUR), Cycles(0.5, 1, 2))
        | dict.fromkeys(
            (Kind.MULTIPLY, Kind.MULTIPLY_ADD, Kind.MULTIPLY_LONG, Kind.MULTIPLY_LONG_ADD),
            Cycles(1, 1, 2),
        )
        | {Kind.DIVIDE: Cycles(2, 7, 12)},
        register=Cycles(0.5, 1, 1),
        refill=Cycles(0, 1, 6),
    ),
    "cortex-m55": Core(
        "LLVM, ARMScheduleM55.td",
        {
            Kind.OTHER: Cycles(0.5, 1, 1),
            Kind.BRANCH: Cycles(0.5, 1, 1),
            Kind.LOAD: Cycles(1, 1, 2),
            Kind.NEIGHBOUR: Cycles(1, 1, 2),
            Kind.MULTIPLY: Cycles(1, 1, 2),
            Kind.MULTIPLY_ADD: Cycles(1, 1, 2),
            Kind.MULTIPLY_LONG: Cycles(1, 1, 2),
            Kind.MULTIPLY_LONG_ADD: Cycles(1, 1, 2),
            Kind.DIVIDE: Cycles(2, 7, 12),
            Kind.LOOP: Cycles(0, 0, 1),  # read once; then the core remembers where the loop begins
            # a vector takes two cycles, of which one overlaps with the next in another pipeline
            Kind.VECTOR: Cycles(1, 1, 2),
            Kind.VECTOR_AGAIN: Cycles.exactly(2),
        },
        refill=Cycles(1, 2, 3),
        loop=Cycles(0, 0, 3),
    ),
}


@dataclass(frozen=True)
class Clock:
    """What a board is clocked with.

    Attributes:
        core: of the board.
        hz: its clock.
        wait_states: cycles that a line of flash without a cache is waited for, if it holds code;
            constants that are loaded from flash are not counted.
    """

    core: Core
    hz: int
    wait_states: int

    @classmethod
    def of(cls, board: str, hz: int, wait_states: int) -> Clock:
        """Of a board.

        Raises:
            MynaError: nothing is published here of the cycles of its core.
        """
        cpu = find_board(board).cpu
        if cpu not in CORES:
            raise MynaError(
                f"no table of cycles of {cpu} is known, only of {', '.join(sorted(CORES))}",
                where=f"board {board}",
                fix="leave --clock out: instructions are counted without it",
            )
        return cls(CORES[cpu], hz, wait_states)

    def cycles(self, count: Count) -> Cycles:
        """What counted instructions take."""
        found = Cycles.exactly(self.wait_states * count.mix.lines)
        rows = zip(CLASSES, count.mix.executed, count.mix.jumps, strict=True)
        for one, executed, jumps in rows:
            refill = self.core.loop if one.kind is Kind.LOOP else self.core.refill
            takes = self.core.takes.get(one.kind, ONE) + one.registers * self.core.register
            found += executed * takes + jumps * refill
        return found

    def milliseconds(self, count: Count) -> float:
        """How long that is, likely."""
        return 1000 * self.cycles(count).likely / self.hz

    def to_json(self) -> dict[str, Any]:
        """The fields of the result."""
        return {
            "clock_hz": self.hz,
            "wait_states": self.wait_states,
            "cycles_by": self.core.source,
        }

    def estimate(self, count: Count) -> dict[str, Any]:
        """The fields of a section of the result."""
        cycles = self.cycles(count)
        return {
            "estimated_cycles": round(cycles.likely),
            "estimated_cycles_range": [round(cycles.low), round(cycles.high)],
            "estimated_ms": self.milliseconds(count),
        }
