# SPDX-License-Identifier: Apache-2.0
"""How many bytes of RAM a board takes to run a program."""

from __future__ import annotations

from dataclasses import dataclass

from myna.ir import Kind
from myna.learn.templates import draft_bytes, listening_bytes
from myna.names import CODE
from myna.passes.layout import occupied, trains_body
from myna.passes.memory.plan import Program
from myna.passes.pipeline import Options
from myna.passes.streaming.stream import StreamingProgram

# Bytes; a test compares them with linked firmware, and with the stack's measured high water.
FIRMWARE = 3200  # of the runtime, beside what depends on the model
PER_CLIP = 10  # label, flags, place in a list
PER_HEARD = 16  # number, confidence, label, alignment
SECRET = 12  # struct myna_secret of firmware/runtime/model.h
PER_OUTPUT = 4  # digest of a traced tensor
STACK_FORWARD = 4864  # of inference, and of training the head
STACK_BACKWARD = 5376  # of training more
STACK_ASIDE = 1024  # of hearing some sound between two steps


@dataclass(frozen=True)
class Needs:
    """What a board takes to run a program, in bytes."""

    arena: int
    state: int
    firmware: int
    stack: int
    clip: int
    heard: int  # of each sound that is kept

    @classmethod
    def of(
        cls, program: Program, *, has_front_end: bool, streaming: StreamingProgram | None = None
    ) -> Needs:
        """Of a program, on every board at most.

        Args:
            program: what it runs.
            has_front_end: it makes features of sound.
            streaming: beside it, if it infers on sound as it comes.
        """
        graph, step = program.graph, program.graph.nodes[: program.train_nodes]
        outputs = sum(len(node.outputs) for node in step)
        features = graph.of_kind(Kind.INPUT)[0].nbytes
        draft = draft_bytes(streaming) if streaming and has_front_end else 0
        return cls(
            occupied(program, has_front_end=has_front_end, draft=draft),
            program.state_bytes + _secret_bytes(program),
            FIRMWARE + PER_OUTPUT * outputs + (listening_bytes(streaming) if streaming else 0),
            (STACK_BACKWARD if trains_body(program) else STACK_FORWARD)
            + (STACK_ASIDE if streaming else 0),
            features + PER_CLIP + program.kept_latents * program.latent_bytes,
            features + PER_HEARD,
        )

    def total(self, clips: int, heard: int = 0) -> int:
        """All of it, with so many clips, and sounds that were heard."""
        fixed = self.arena + self.state + self.firmware + self.stack
        return fixed + clips * self.clip + heard * self.heard

    def clips(self, options: Options, heard: int = 0) -> int:
        """How many clips the RAM asked for holds beside it, of those wanted; negative: too much."""
        assert options.ram is not None
        return min((options.ram - self.total(0, heard)) // self.clip, options.clips)


def _secret_bytes(program: Program) -> int:
    """Of a codeword, and of what is kept of its user if one is drawn."""
    graph = program.graph
    drawn = SECRET if CODE in graph.tensors else 0
    return sum(t.nbytes for t in graph.of_kind(Kind.SECRET)) + drawn
