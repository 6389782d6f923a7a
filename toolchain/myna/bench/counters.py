# SPDX-License-Identifier: Apache-2.0
"""What the emulator's plugin counts, from mark to mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from myna.bench.instructions import CLASSES


@dataclass(frozen=True)
class Mix:
    """Which instructions were executed.

    Attributes:
        executed: instructions of each class of `CLASSES`.
        jumps: those of them behind which the code went on elsewhere.
        lines: lines of flash (`cycles.LINE_BYTES`) that were read anew, if one is kept.
    """

    executed: tuple[int, ...] = (0,) * len(CLASSES)
    jumps: tuple[int, ...] = (0,) * len(CLASSES)
    lines: int = 0

    def __add__(self, other: Mix) -> Mix:
        return Mix(
            tuple(a + b for a, b in zip(self.executed, other.executed, strict=True)),
            tuple(a + b for a, b in zip(self.jumps, other.jumps, strict=True)),
            self.lines + other.lines,
        )

    def since(self, before: Mix) -> Mix:
        """What was executed between two marks."""
        return Mix(
            tuple(a - b for a, b in zip(self.executed, before.executed, strict=True)),
            tuple(a - b for a, b in zip(self.jumps, before.jumps, strict=True)),
            self.lines - before.lines,
        )


@dataclass(frozen=True)
class Count:
    """What a section of the firmware executed.

    Attributes:
        instructions: executed.
        loaded, stored: bytes.
        stack: bytes of the stack in use at most, those of its callers included.
        mix: which instructions.
    """

    instructions: int
    loaded: int
    stored: int
    stack: int
    mix: Mix = Mix()

    @classmethod
    def parse(cls, line: str) -> Count:
        """Of a line that the plugin wrote: see counter.c."""
        loaded, stored, stack, lines, *rest = map(int, line.split())
        executed, jumps = rest[: len(CLASSES)], rest[len(CLASSES) :]
        return cls(sum(executed), loaded, stored, stack, Mix(tuple(executed), tuple(jumps), lines))

    def __add__(self, other: Count) -> Count:
        return Count(
            self.instructions + other.instructions,
            self.loaded + other.loaded,
            self.stored + other.stored,
            max(self.stack, other.stack),
            self.mix + other.mix,
        )

    def since(self, before: Count) -> Count:
        """What was executed between two marks, where all but the stack is counted from reset."""
        return Count(
            self.instructions - before.instructions,
            self.loaded - before.loaded,
            self.stored - before.stored,
            self.stack,
            self.mix.since(before.mix),
        )


NOTHING = Count(0, 0, 0, 0)


def total(counts: Sequence[Count]) -> Count:
    """The sum."""
    return sum(counts, NOTHING)
