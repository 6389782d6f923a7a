# SPDX-License-Identifier: Apache-2.0
"""Templates of words from their stored clips; twin of firmware/runtime/templates.c.

A clip has the word in its middle. It is heard as a stream would hear it: before it stand rows like
its first and behind it rows like its last, as if the room sounded on.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from myna.ir import Array, Kind
from myna.learn.detect import MIDDLE, SPAN, STEPS, Embeddings
from myna.passes.memory.plan import aligned
from myna.passes.streaming.stream import StreamingProgram
from myna.passes.training.imprint import embedding_of

WORDS = 8  # that a board listens for at most
RIVALS = 4  # refused sounds, of which the latest are kept, and
SIGHTINGS = 4  # sounds that may be refused
SILENT = 2**31 - 1  # the threshold of a word until somebody sets one
COUNTERS = 4  # bytes, of rows and of steps
ROWS, ROW = 64, 6  # of the ring, and bytes of each beside its features
PER_WORD = 12  # bytes beside template and sums: threshold, rate, label, takes
RIVAL = 2  # bytes of a refused sound beside directions and sums: label
SIGHTING = 16  # bytes of a sighting beside its directions
LISTENING = 3400  # bytes of front end, gate, detector and link


class Rows(Protocol):
    """What hears rows of features: `learn.stream.Stream`, `engines.stream.HostStream`."""

    @property
    def embedding(self) -> Array: ...
    def reset(self) -> None: ...
    def row(self, row: Array) -> Array | None: ...


def around(stream: Rows, streaming: StreamingProgram, features: Array) -> Embeddings:
    """What a template is made of, see `detect.template`.

    Args:
        stream: what hears; it forgets all else.
        streaming: what it runs.
        features: of a clip, int8 [frames, coefficients].

    Returns:
        embeddings without their zero point, int16 [SPAN + 1, inputs of the head].
    """
    behind = streaming.delay + MIDDLE * streaming.period
    steps = streaming.warm_up + 1 + SPAN
    before = steps * streaming.period - behind - len(features)
    stream.reset()
    found = [
        stream.embedding
        for row in np.pad(features, ((before, behind), (0, 0)), "edge")
        if stream.row(row) is not None
    ]
    return np.array(found, np.int16) - np.int16(zero_point(streaming))


def zero_point(streaming: StreamingProgram) -> int:
    """Of embeddings."""
    return embedding_of(streaming.graph).zero_point


def most_words(classes: int) -> int:
    """How many words a board listens for at most that knows so many classes."""
    return min(classes, WORDS)


def copy_bytes(streaming: StreamingProgram) -> int:
    """Bytes of all that a stream made of rows, as a board copies it aside."""
    (source,) = streaming.graph.of_kind(Kind.INPUT)
    return COUNTERS + source.nbytes + streaming.state_bytes


def draft_bytes(streaming: StreamingProgram) -> int:
    """Bytes of `struct myna_template_draft`: a template while it is made, and that copy."""
    inputs = embedding_of(streaming.graph).size
    return aligned(4 * STEPS * inputs + copy_bytes(streaming))


def word_bytes(streaming: StreamingProgram) -> int:
    """Bytes of RAM for each word: template, sums of scores and score, threshold and label."""
    return STEPS * embedding_of(streaming.graph).size + PER_WORD + 4 * (SPAN + 2)


def refused_bytes(streaming: StreamingProgram) -> int:
    """Bytes of RAM for sounds that were refused, and for those that may yet be."""
    inputs = embedding_of(streaming.graph).size
    rival = STEPS * inputs + RIVAL + 4 * (SPAN + 1)
    return RIVALS * rival + SIGHTINGS * (STEPS * inputs + SIGHTING) + (SPAN + 1) * inputs


def listening_bytes(streaming: StreamingProgram) -> int:
    """Bytes of RAM beside those of a program that does not stream; a test compares firmware."""
    (source,) = streaming.graph.of_kind(Kind.INPUT)
    row = aligned(ROW + source.nbytes // streaming.period)
    own = streaming.state_bytes + streaming.arena.size
    words = WORDS * word_bytes(streaming) + LISTENING
    return own + ROWS * row + words + refused_bytes(streaming)
