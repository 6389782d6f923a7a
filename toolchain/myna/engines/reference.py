# SPDX-License-Identifier: Apache-2.0
"""The reference: runs a Program in NumPy and yields the digests that the chip must give, too."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from myna.errors import MynaError
from myna.ir import Array, Kind, Node
from myna.names import (
    CLASSES,
    CODEWORD,
    HALVINGS,
    LABEL,
    LOSS,
    OWNER_SCORE,
    SEED,
    SHOTS,
    SIMILARITY,
    STEP,
    TOTAL,
    VOICE,
    VOICE_FEATURES,
)
from myna.passes.bounds import check_values
from myna.passes.execute import initial_values, run
from myna.passes.memory.plan import Program
from myna.passes.training.imprint import embedding_of

Digest = tuple[int, ...]  # CRC-32 of each output of a node
Observer = Callable[[Node, tuple[Array, ...]], None]


class Reference:
    """A device made of NumPy: state, inference, training steps.

    Args:
        program: what to run; independent of its memory plan, so that an overlap of live tensors
            on the chip shows as a difference.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._graph = program.graph
        self._features = self._graph.of_kind(Kind.INPUT)[0]
        self._logits = self._graph.outputs[0]
        self.reset()

    def reset(self) -> None:
        """Back to the initial state."""
        self.values = initial_values(self._graph)

    def infer(self, features: Array, observe: Observer | None = None) -> Array:
        """Logits (int8 [n]) of one feature map (int8, any shape of the right size)."""
        self._feed(features)
        run(self._graph.nodes[: self.program.forward_nodes], self.values, observe)
        return self.values[self._logits].reshape(-1)

    def predict(self, features: Array) -> int:
        """The class with the largest logit among those in use; the first of equals."""
        return int(self.infer(features)[: self.classes].argmax())

    def train_step(self, features: Array, label: int, observe: Observer | None = None) -> int:
        """One step on one example; returns the loss before it (nats, Q16)."""
        self._feed(features)
        if not 0 <= label < self.classes:
            raise MynaError(f"label {label} is not one of {self.classes} classes in use")
        self.values[LABEL] = np.array([label], np.int32)
        run(self._graph.nodes[: self.program.train_nodes], self.values, observe)
        return int(self.values[LOSS][0])

    def rehearse(self, memory: int, varied: Array | None = None) -> int:
        """One training step on a memory; returns the loss before it (nats, Q16).

        Args:
            memory: its number.
            varied: what to take in place of its latent.
        """
        replay = self.program.replay
        latent = replay.latents[memory] if varied is None else varied
        return self.train_latent(latent, int(replay.labels[memory]))

    def recall(self, memory: int) -> Array:
        """Logits (int8) of a memory."""
        return self.infer_latent(self.memory(memory))

    def encode(self, features: Array) -> Array:
        """The latent of a feature map, int8 [bytes]: what the frozen part makes of it."""
        self._feed(features)
        run(self._graph.nodes[: self.program.latent.node], self.values)
        return self.values[self.program.latent.tensor].reshape(-1)

    def infer_latent(self, latent: Array) -> Array:
        """Logits (int8) of a latent."""
        self._feed_latent(latent)
        run(self._graph.nodes[self.program.latent.node : self.program.forward_nodes], self.values)
        return self.values[self._logits].reshape(-1)

    def compare(self, latent: Array) -> Array:
        """How much a latent resembles each class (Q15), int32 [rows]."""
        self.infer_latent(latent)
        return self.similarity

    def memory(self, memory: int) -> Array:
        """The latent of a memory, int8 [bytes]."""
        return np.asarray(self.program.replay.latents[memory])

    def train_latent(self, latent: Array, label: int) -> int:
        """One step on a latent; returns the loss before it (nats, Q16)."""
        self._feed_latent(latent)
        self.values[LABEL] = np.array([label], np.int32)
        run(self._graph.nodes[self.program.latent.node : self.program.train_nodes], self.values)
        return int(self.values[LOSS][0])

    def embed(self, features: Array) -> Array:
        """The input of the head, int32 [n] without its zero point."""
        self.infer(features)
        made = embedding_of(self._graph)
        return self.values[made.name].reshape(-1).astype(np.int32) - np.int32(made.zero_point)

    @property
    def similarity(self) -> Array:
        """Of what was last inferred to each class (Q15), int32 [rows]."""
        return self.values[SIMILARITY]

    def set_codeword(self, codeword: Array) -> None:
        """Who the user is: int8 [outputs] of -1 and 1, until the next reset."""
        self.values[CODEWORD] = codeword.astype(np.int8)

    def imprint(self, label: int, total: Array, shots: int, halvings: int = 0) -> None:
        """Start a class from the sum of the embeddings of so many examples; see `ops.imprint`."""
        given = {LABEL: label, SHOTS: shots, HALVINGS: halvings}
        self.values |= {name: np.array([value], np.int32) for name, value in given.items()}
        self.values[TOTAL] = np.asarray(total, np.int32)
        run(self.program.imprint_nodes, self.values)

    def score_voice(self, features: Array) -> tuple[Array, Array]:
        """The voice of a feature map, int8 [n], and its scores by class (Q15), int32 [rows]."""
        self.values[VOICE_FEATURES] = features.astype(np.int8).reshape(self._features.shape)
        run(self.program.voice_nodes, self.values)
        return self.values[VOICE], self.values[OWNER_SCORE]

    def train_step_digests(self, features: Array, label: int) -> tuple[int, list[Digest]]:
        """One step; the loss, and the digests of every node's outputs in order."""
        digests: list[Digest] = []
        loss = self.train_step(features, label, lambda _, outputs: digests.append(_digest(outputs)))
        return loss, digests

    @property
    def classes(self) -> int:
        """How many classes are in use; one, of which all are, of a network without labels."""
        return int(self.values[CLASSES][0]) if CLASSES in self.values else 1

    @property
    def clock(self) -> tuple[int, int]:
        """Seed, and training steps done: what random numbers depend on."""
        return int(self.values[SEED][0]) & 0xFFFFFFFF, int(self.values[STEP][0])

    def get_state(self, name: str) -> Array:
        """A state tensor."""
        return self.values[name]

    def set_state(self, name: str, value: Array) -> None:
        """Assign a state tensor."""
        tensor = self._graph.tensors[name]
        data = np.asarray(value, tensor.dtype).reshape(tensor.shape)
        check_values(self.program, {name: data})
        self.values[name] = data

    def read_state(self) -> bytes:
        """The state block, byte for byte as on the device."""
        return self.program.pack(self.values)

    def write_state(self, block: bytes) -> None:
        """Load a state block.

        Raises:
            MynaError: its size is not this program's, or a value is out of bounds.
        """
        values = self.program.unpack(block)
        check_values(self.program, values)
        self.values |= values

    def _feed_latent(self, latent: Array) -> None:
        name = self.program.latent.tensor
        self.values[name] = latent.reshape(self._graph.tensors[name].shape)

    def _feed(self, features: Array) -> None:
        self.values[self._features.name] = features.astype(np.int8).reshape(self._features.shape)


def _digest(outputs: tuple[Array, ...]) -> Digest:
    return tuple(zlib.crc32(np.ascontiguousarray(output).tobytes()) for output in outputs)
