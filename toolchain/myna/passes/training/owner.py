# SPDX-License-Identifier: Apache-2.0
"""Give a program the means to tell its owner's voice from others: nodes that run on request.

A word's features become statistics, these a *voice*: a projection in which takes of one person lie
close together. Its cosine with the owner's takes of the same word, the *template*, is the score.
Templates are state; `learn.owner` makes them from the takes that a device stores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from myna.ir import Array, Builder, Graph, Kind, Tensor
from myna.names import (
    OWNER,
    OWNER_SCORE,
    OWNER_THRESHOLD,
    STATISTICS,
    VOICE,
    VOICE_FEATURES,
)
from myna.ops.dense import Dense
from myna.ops.similarity import Similarity
from myna.ops.voice_statistics import VoiceStatistics

PROJECT = Dense(x_zero=0, y_zero=0, low=-128, high=127)  # what computes a projection


@dataclass(frozen=True)
class Projection:
    """From the statistics of a word to a voice, as a dense layer, and when it is the owner's.

    Attributes:
        w: int8 [values, statistics].
        bias, mantissa, shift: int32 [values], as of `ops.dense`; zero points are 0.
        threshold: the least score that is accepted, Q15.
    """

    w: Array
    bias: Array
    mantissa: Array
    shift: Array
    threshold: int

    @property
    def values(self) -> int:
        """Of a voice."""
        return len(self.bias)


def owner(graph: Graph, projection: Projection) -> Graph:
    """Append the nodes that score a voice, and the templates to the state.

    Args:
        graph: that can imprint: names of classes, and so templates, go with its rows.
        projection: fits its features.
    """
    build = Builder(graph)
    source = graph.of_kind(Kind.INPUT)[0]
    build.tensor(Tensor(VOICE_FEATURES, source.shape, "int8", Kind.INPUT))
    rows = graph.tensors[graph.outputs[0]].size
    build.state(OWNER_THRESHOLD, np.array([projection.threshold], np.int32))
    build.state(OWNER, np.zeros((rows, projection.values), np.int8))
    parts = [
        build.const(f"{VOICE}.{name}", getattr(projection, name))
        for name in ("w", "bias", "mantissa", "shift")
    ]
    middle = build.const(f"{VOICE}.center", np.zeros(projection.values, np.int16))
    build.node(STATISTICS, VoiceStatistics(), (VOICE_FEATURES,), (STATISTICS,))
    build.node(VOICE, PROJECT, (STATISTICS, *parts), (VOICE,))
    build.node(OWNER_SCORE, Similarity(0), (VOICE, middle, OWNER), (OWNER_SCORE,))
    return build.build()
