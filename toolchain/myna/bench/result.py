# SPDX-License-Identifier: Apache-2.0
"""What `myna bench` found, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from myna.bench.count import Enrollment, Listening, Update, compiler
from myna.bench.counters import NOTHING, Count, total
from myna.bench.cycles import Clock
from myna.device.pio import compile_flags
from myna.device.target import find_board
from myna.ir import Graph, Kind
from myna.names import RESIDUAL
from myna.project import Project
from myna.sessions.footprint import Footprint

# Functions that find, keep and apply the ranges of gradients (kernels/pairs.h, kernels/ranges.c).
TRACKING = ("gradient_narrow", "myna_hindsight_scale", "myna_range_update")
HELIUM = "cortex-m55"


@dataclass(frozen=True)
class Kernel:
    """What one node executed.

    Attributes:
        name: of the node.
        shape: of its first output.
        macs: multiply-accumulates; 0 where there are none worth counting.
        count: instructions and bytes.
    """

    name: str
    shape: tuple[int, ...]
    macs: int
    count: Count

    def to_json(self) -> dict[str, Any]:
        """The fields of the result."""
        work = {"instructions_per_mac": self.count.instructions / self.macs} if self.macs else {}
        return {
            "name": self.name,
            "shape": list(self.shape),
            "macs": self.macs,
            **work,
            **_counted(self.count),
        }


@dataclass(frozen=True)
class Words:
    """How many words a build that listens has room for, and bytes of RAM.

    Attributes:
        most: words.
        ram: of each.
        refused_ram: of sounds that were refused, and of those that may yet be.
    """

    most: int
    ram: int
    refused_ram: int


@dataclass(frozen=True)
class Bench:
    """Counts of a model on a board.

    Attributes:
        project: the model as compiled.
        board: where it ran.
        kernels: the shapes of `bench.cases`, one by one.
        infer, train_step: node by node.
        features: of one second of sound; nothing if the model hears none.
        listening: to sound as it comes; None if the model hears none, or cannot infer so.
        words: that it may listen for.
        functions: instructions of the counted run by function, see `bench.profile`.
        enroll: of five synthetic words with five takes each; None if left out.
        update: encoded, and a difference applied; None if the board has no room for the base.
        footprint: RAM and flash, measured on the running board.
        clock: by which cycles are estimated; None for instructions alone.
    """

    project: Project
    board: str
    kernels: tuple[Kernel, ...]
    infer: tuple[Kernel, ...]
    train_step: tuple[Kernel, ...]
    features: Count
    listening: Listening | None
    words: Words
    functions: Mapping[str, int]
    enroll: Enrollment | None
    update: Update | None
    footprint: Footprint
    clock: Clock | None

    def to_json(self) -> dict[str, Any]:
        """The result, as `--json` writes it."""
        program, memory = self.project.program, self.footprint
        constants = sum(t.nbytes for t in program.graph.of_kind(Kind.CONST))
        weights = constants + program.state_bytes + program.replay.latents.nbytes
        return {
            "model": str(self.project.folder),
            "board": self.board,
            "train": self.project.options.train,
            "compiler": compiler(self.board),
            "flags": compile_flags(self.board),
            **(self.clock.to_json() if self.clock else {}),
            "kernels": [kernel.to_json() for kernel in self.kernels],
            "inference": self._sum(self.infer),
            "train_step": self._sum(self.train_step),
            "enroll": self._enroll(),
            "update": self._update(),
            "features_1s": self._section(self.features) if self.features != NOTHING else None,
            "listening": self._listening(),
            "range_tracking": self._tracking(),
            "ram": {
                "arena": memory.arena,
                "arena_lower_bound": program.arena_lower_bound,
                "weights": _weight_planes(program.graph),
                "state": memory.state,
                "buffers": memory.clips + memory.other,
                "stack": memory.stack,
                "total": memory.ram,
            },
            "flash": {
                "code": memory.flash - weights,
                "weights": weights,
                "total": memory.flash,
            },
        }

    def _section(self, count: Count) -> dict[str, Any]:
        """A count's fields, the same in every section."""
        return _counted(count) | self._estimated(count)

    def _estimated(self, count: Count, suffix: str = "") -> dict[str, Any]:
        """What a count takes by the clock, if there is one, in fields with this suffix."""
        found = self.clock.estimate(count) if self.clock else {}
        return {name + suffix: value for name, value in found.items()}

    def _sum(self, nodes: Sequence[Kernel]) -> dict[str, Any]:
        counted, work = total([node.count for node in nodes]), sum(node.macs for node in nodes)
        return {
            "macs": work,
            "instructions_per_mac": counted.instructions / work,
            **self._section(counted),
        }

    def _enroll(self) -> dict[str, Any] | None:
        if self.enroll is None:
            return None
        parts = {
            "": self.enroll.whole,
            "_after_last_take": self.enroll.after_last_take,
            "_first_answer": self.enroll.first_answer,
        }
        found: dict[str, Any] = {"epochs": self.enroll.epochs}
        for suffix, count in parts.items():
            found |= {f"instructions{suffix}": count.instructions, **self._estimated(count, suffix)}
        return found

    def _listening(self) -> dict[str, Any] | None:
        if self.listening is None:
            return None
        found = self.listening
        return {
            "period_ms": found.period_ms,
            "instructions_per_second": found.second.instructions,
            "instructions_per_second_without_word": found.without_word.instructions,
            "instructions_per_second_in_silence": found.in_silence.instructions,
            "ram": self.listening_ram,
            "ram_per_word": self.words.ram,
            "words": self.words.most,
            **self._estimated(found.second, "_per_second"),
        }

    @property
    def listening_ram(self) -> int:
        """Bytes that it takes to listen for one word; 0 if the model cannot."""
        if self.listening is None:
            return 0
        others = (self.words.most - 1) * self.words.ram
        more = others + self.words.refused_ram
        return self.listening.stream_ram + self.listening.session_ram - more

    def _update(self) -> dict[str, Any] | None:
        if self.update is None:
            return None
        parts = {"encode": self.update.encode, "apply": self.update.apply}
        return {name: self._section(count) for name, count in parts.items()}

    def _tracking(self) -> dict[str, Any] | None:
        """What ranges cost: one comparison a gradient, which saturates it, too, and their nodes.

        None with Helium, whose kernels track a vector at a time among other instructions.
        """
        if find_board(self.board).cpu == HELIUM:
            return None
        instructions = sum(self.functions.get(name, 0) for name in TRACKING)
        step = total([node.count for node in self.train_step]).instructions
        return {"instructions": instructions, "share_of_step": instructions / step}


def _counted(count: Count) -> dict[str, int]:
    return {
        "instructions": count.instructions,
        "bytes_loaded": count.loaded,
        "bytes_stored": count.stored,
        "stack_high_water": count.stack,
    }


def _weight_planes(graph: Graph) -> int:
    """Bytes of trained weights and biases, inside the state."""
    names = {n.name.removesuffix(".update") for n in graph.nodes if n.name.endswith(".update")}
    planes = {*names, *(f"{name}.residual" for name in names), RESIDUAL}
    return sum(t.nbytes for t in graph.of_kind(Kind.STATE) if t.name in planes)
