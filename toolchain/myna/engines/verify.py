# SPDX-License-Identifier: Apache-2.0
"""Bit-exact comparison of the reference with a device, after every node of every step."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from myna.device.session import Board
from myna.engines.reference import Reference
from myna.errors import MynaError
from myna.ir import Array
from myna.learn.schedule import pick
from myna.passes.memory.plan import Program

Clip = tuple[Array, int]  # features int8, label


@dataclass(frozen=True)
class Difference:
    """The first place where device and reference part.

    Attributes:
        step: training step, from 0.
        node: name of the node, or "state".
        tensor: name of its output.
        element: index into the flat tensor; None if the device did not differ when it repeated the
            step, so that no value is known.
        expected, found: the values of reference and device.
    """

    step: int
    node: str
    tensor: str
    element: int | None
    expected: int | None
    found: int | None

    def __str__(self) -> str:
        """For the user."""
        place = f"step {self.step}, node {self.node}, tensor {self.tensor}"
        if self.element is None:
            return f"{place}; not again when the step was repeated: the board is unreliable"
        return f"{place}[{self.element}]: reference {self.expected}, device {self.found}"


@dataclass
class Comparison:
    """What was compared so far, and how long it took."""

    steps: int = 0
    compared: int = 0
    differences: int = 0
    seconds: float = 0.0
    first: Difference | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields of ``verify --json``."""
        return {
            "steps": self.steps,
            "compared": self.compared,
            "differences": self.differences,
            "seconds": round(self.seconds, 3),
            "first_difference": vars(self.first) if self.first else None,
        }


class Verifier:
    """Steps a device and the reference side by side over the same stored clips.

    Args:
        program: what both run.
        board: an open session; its clips and its state are replaced.
        clips: what to train on, one slot each.
    """

    def __init__(self, program: Program, board: Board, clips: Sequence[Clip]) -> None:
        if len(clips) > board.info.max_clips:
            raise MynaError(
                f"{len(clips)} clips do not fit", fix=f"use at most {board.info.max_clips}"
            )
        self.reference, self.result = Reference(program), Comparison()
        self._program, self._board, self._clips = program, board, list(clips)
        board.reset_state()
        board.clear_clips()
        for slot, (features, label) in enumerate(clips):
            board.put_features(features.reshape(board.info.frames, -1), slot, label)

    def set_state(self, name: str, value: Array) -> None:
        """Assign a small state tensor on both sides."""
        data = np.asarray(value, self._program.graph.tensors[name].dtype).tobytes()
        self._board.patch_state(self._program.state[name], data)
        self.reference.set_state(name, value)

    def step(self) -> int:
        """One training step on both sides; returns the loss (nats, Q16)."""
        before = self.reference.read_state()
        features, label = self._clips[self._next_slot()]
        traced = self._board.begin_trace_step()
        loss, expected = self.reference.train_step_digests(features, label)  # both compute
        found = traced().digests
        flat = [digest for node in expected for digest in node]
        self.result.compared += len(flat)
        differing = np.flatnonzero(np.array(flat, np.uint32) != found)
        if differing.size:
            self.result.differences += int(differing.size)
            if self.result.first is None:
                self.result.first = self._locate(int(differing[0]), before, features, label)
            self._board.write_state(self.reference.read_state())
        self.result.steps += 1
        return loss

    def compare_state(self) -> None:
        """Compare the whole state block: weights, residuals, ranges, counters, PRNG."""
        expected, found = self.reference.read_state(), self._board.read_state()
        self.result.compared += 1
        if zlib.crc32(expected) != zlib.crc32(found):
            self.result.differences += 1
            pairs = enumerate(zip(expected, found, strict=True))
            index = next(i for i, (a, b) in pairs if a != b)
            if self.result.first is None:
                self.result.first = Difference(
                    self.result.steps, "state", "state", index, expected[index], found[index]
                )

    def _next_slot(self) -> int:
        state = self.reference.values
        slots = range(len(self._clips))
        return pick(slots, int(state["seed"][0]) & 0xFFFFFFFF, int(state["step"][0]))

    def _locate(self, output: int, before: bytes, features: Array, label: int) -> Difference:
        """Run the step again up to the node of output ``output`` and compare its elements."""
        step = self.result.steps
        node_index, position = _node_of(self._program, output)
        node = self._program.graph.nodes[node_index]
        tensor = self._program.graph.tensors[node.outputs[position]]
        replay = Reference(self._program)
        replay.write_state(before)
        seen: dict[str, Array] = {}
        replay.train_step(
            features, label, lambda n, o: seen.update({f"{n.name}/{i}": v for i, v in enumerate(o)})
        )
        self._board.write_state(before)
        self._board.stop_step(node_index)
        data = self._board.read_tensor(output, tensor.nbytes)
        expected = seen[f"{node.name}/{position}"].reshape(-1)
        found = np.frombuffer(data, tensor.dtype)
        differing = np.flatnonzero(expected != found)
        if not differing.size:
            return Difference(step, node.name, tensor.name, None, None, None)
        index = int(differing[0])
        return Difference(
            step, node.name, tensor.name, index, int(expected[index]), int(found[index])
        )


def _node_of(program: Program, output: int) -> tuple[int, int]:
    """The node index and the position among its outputs of a running output number."""
    for index, node in enumerate(program.graph.nodes):
        if output < len(node.outputs):
            return index, output
        output -= len(node.outputs)
    raise MynaError(f"the program has no output {output}", where=f"model {program.graph.name}")


def verify_steps(
    verifier: Verifier, steps: int, report: Callable[[int, int], None] = lambda done, total: None
) -> Comparison:
    """Run ``steps`` training steps and compare every digest, then the whole state."""
    begun = time.perf_counter()
    for done in range(steps):
        verifier.step()
        report(done + 1, steps)
    verifier.compare_state()
    verifier.result.seconds = time.perf_counter() - begun
    return verifier.result
