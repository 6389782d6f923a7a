# SPDX-License-Identifier: Apache-2.0
"""Inference on sound as it comes; twin of firmware/runtime/stream.c."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from myna.audio.config import FRAME, HOP, AudioConfig
from myna.audio.features import Pcm, extract
from myna.ir import Array, Kind
from myna.passes.execute import run
from myna.passes.streaming.stream import StreamingProgram
from myna.passes.training.imprint import embedding_of


class Stream:
    """Takes in sound or rows of features, and gives logits as soon as there are new ones.

    Args:
        streaming: what to run.
        weights: tensors of the program that it was made of, by name; they are read in every step.
        audio: front end; None if there is none.
    """

    def __init__(
        self, streaming: StreamingProgram, weights: Mapping[str, Array], audio: AudioConfig | None
    ) -> None:
        self._streaming, self._weights, self._graph = streaming, weights, streaming.graph
        self._frame = replace(audio, frames=1) if audio else None
        self._source = self._graph.of_kind(Kind.INPUT)[0]
        self.reset()

    def reset(self) -> None:
        """Forget all sound."""
        kept = self._graph.of_kind(Kind.STATE)
        self._kept = {t.name: np.zeros(t.shape, t.dtype) for t in kept}
        self._pcm = np.zeros(0, np.int16)
        self._rows: list[Array] = []
        self._values: dict[str, Array] = {}
        self._steps = 0

    def push(self, pcm: Pcm) -> Iterator[Array]:
        """The logits, int8 [n], that so many more samples (int16, 16 kHz) bring."""
        assert self._frame is not None
        self._pcm = np.concatenate([self._pcm, pcm])
        while len(self._pcm) >= FRAME:
            row = extract(self._frame, self._pcm[:FRAME])
            self._pcm = self._pcm[HOP:]
            if (logits := self.row(row)) is not None:
                yield logits

    @property
    def embedding(self) -> Array:
        """The input of the head, int8 [n], of which the latest logits were made."""
        return self._values[embedding_of(self._graph).name].reshape(-1)

    def row(self, row: Array) -> Array | None:
        """Take a row of features, int8; the logits, int8 [n], if there are new ones."""
        self._rows.append(row.reshape(-1))
        if len(self._rows) < self._streaming.period:
            return None
        borrowed = self._graph.of_kind(Kind.CONST)
        values = {t.name: self._weights[t.name].reshape(t.shape) for t in borrowed} | self._kept
        values[self._source.name] = np.stack(self._rows).reshape(self._source.shape)
        self._rows = []
        run(self._graph.nodes, values)
        self._kept = {name: values[name] for name in self._kept}
        self._values = values
        self._steps += 1
        warm = self._steps > self._streaming.warm_up
        return values[self._graph.outputs[0]].reshape(-1) if warm else None
