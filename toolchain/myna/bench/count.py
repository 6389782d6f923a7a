# SPDX-License-Identifier: Apache-2.0
"""Runs the bench firmware in QEMU and reads the counters at its marks.

Instructions, never cycles or seconds: QEMU models no timing.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from myna.device import pio
from myna.device.target import PROJECT, find_board, require
from myna.errors import MynaError

PLUGIN = Path(__file__).with_name("counter.c")
MAIN = "bench/main.c"
DONE = "bench: done"
TIMEOUT_S = 1200.0
FRAMES = 50  # that the bench firmware takes in, as in firmware/bench/main.c


@dataclass(frozen=True)
class Count:
    """What one section of the firmware executed.

    Attributes:
        instructions: executed.
        loaded, stored: bytes.
    """

    instructions: int
    loaded: int
    stored: int

    def __add__(self, other: Count) -> Count:
        return Count(
            self.instructions + other.instructions,
            self.loaded + other.loaded,
            self.stored + other.stored,
        )

    def __sub__(self, other: Count) -> Count:
        return Count(
            self.instructions - other.instructions,
            self.loaded - other.loaded,
            self.stored - other.stored,
        )


NOTHING = Count(0, 0, 0)


@dataclass(frozen=True)
class Counts:
    """What the bench firmware ran, section by section.

    Attributes:
        features: of one second of sound.
        infer: per node of an inference.
        train_step: per node of a training step.
    """

    features: Count
    infer: tuple[Count, ...]
    train_step: tuple[Count, ...]


def count(board: str, generated: Path, infer_nodes: int, train_nodes: int) -> Counts:
    """Build the bench firmware of a generated model for a virtual board, run and count it.

    Args:
        board: name of an emulated board.
        generated: folder with the generated model's C files.
        infer_nodes: nodes of an inference.
        train_nodes: nodes of a training step.

    Raises:
        MynaError: the board is not emulated, a tool is missing, or the firmware stopped early.
    """
    firmware = pio.build(board, generated, main=MAIN)
    marks = _run(board, firmware.elf)
    expected = 2 * FRAMES + 2 + infer_nodes + train_nodes
    if len(marks) != expected:
        raise MynaError(
            f"the bench firmware made {len(marks)} marks, not {expected}", where=str(firmware.elf)
        )
    sections = [after - before for before, after in zip([NOTHING, *marks], marks, strict=False)]
    infer, train = 2 * FRAMES + 1, 2 * FRAMES + 2 + infer_nodes
    return Counts(
        sum(sections[1 : 2 * FRAMES : 2], NOTHING),
        tuple(sections[infer : infer + infer_nodes]),
        tuple(sections[train:]),
    )


def total(counts: Sequence[Count]) -> Count:
    """The sum."""
    return sum(counts, NOTHING)


def _run(board: str, elf: Path) -> list[Count]:
    machine = find_board(board).machine
    if not machine:
        raise MynaError(
            "instructions are counted in the emulator", where=board, fix="name a qemu_* board"
        )
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        plugin, out = Path(folder) / "counter.so", Path(folder) / "marks.txt"
        _call([require("gcc"), "-O2", "-shared", "-fPIC", str(PLUGIN), "-o", str(plugin)])
        said = _call(
            [
                *(require("qemu-system-arm"), "-machine", machine, "-display", "none"),
                *("-monitor", "none", "-serial", "null", "-kernel", str(elf)),
                *("-semihosting-config", "enable=on,target=native"),
                *("-plugin", f"{plugin},out={out}"),
            ],
            fine=(0, 1),  # the firmware ends with a semihosting call that reports an error
        )
        if DONE not in said:
            raise MynaError(f"the bench firmware stopped: {said.strip()}", where=str(elf))
        return [Count(*map(int, line.split())) for line in out.read_text("ascii").splitlines()]


def _call(command: Sequence[str], fine: Sequence[int] = (0,)) -> str:
    """What a program said on its error stream."""
    try:
        result = subprocess.run(
            command, cwd=PROJECT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise MynaError(f"{command[0]} did not end in {TIMEOUT_S:.0f} s") from error
    if result.returncode not in fine:
        raise MynaError(f"{command[0]} failed: {result.stderr.strip()[:2000]}")
    return result.stderr
