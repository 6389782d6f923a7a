# SPDX-License-Identifier: Apache-2.0
"""What a network makes of long sound, kept so that any head can be asked about it later.

As long as training changes the head alone, embeddings stay what they are: hours of sound are heard
once, and each enrollment is examined on all of them by a matrix product, to the bit of the C core.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myna import fixed
from myna.audio import native
from myna.audio.config import FRAME, HOP, RATE, AudioConfig
from myna.audio.dataset import is_recording
from myna.audio.features import Pcm
from myna.audio.files import read_pcm
from myna.engines.library import HostLibrary
from myna.errors import MynaError
from myna.evaluation.engine import Engine, StreamEngine
from myna.learn.detect import Embeddings
from myna.names import TYPICAL
from myna.ops.dense import Dense
from myna.ops.similarity import Similarity
from myna.passes.streaming.stream import StreamingProgram
from myna.passes.training.imprint import center_of, embedding_of, head_of

WINDOW_STEP = RATE // 5  # samples from one single window to the next
PIECE = 1 << 14  # rows of logits that are computed at once
NOTHING = -(2**31)  # less than any confidence
GROUP_BYTES = 1 << 22  # of recordings that one exam hears: minutes, however they are coded


@dataclass(frozen=True)
class Sound:
    """A recording as a network hears it.

    Attributes:
        samples: its length.
        stream: embeddings of decisions as sound comes, [n, inputs of the head].
        windows: of single windows, one every `WINDOW_STEP` samples, [m, inputs of the head].
    """

    samples: int
    stream: Embeddings
    windows: Embeddings


@dataclass(frozen=True)
class Clock:
    """When decisions are made, in samples.

    Attributes:
        warm_up: samples heard before the first decision of a stream.
        delay: of them, behind the window that a decision is about.
        period: from one decision to the next.
        window: samples of a single window.
    """

    warm_up: int
    delay: int
    period: int
    window: int

    @classmethod
    def of(cls, streaming: StreamingProgram, audio: AudioConfig) -> Clock:
        """Of a network that streams."""
        rows = (streaming.warm_up + 1) * streaming.period
        warm_up = FRAME + HOP * (rows - 1)
        return cls(warm_up, HOP * streaming.delay, HOP * streaming.period, audio.samples)

    def streamed(self, count: int) -> npt.NDArray[np.int64]:
        """When each of so many decisions of a stream is made."""
        return self.warm_up + self.period * np.arange(count, dtype=np.int64)

    def single(self, count: int) -> npt.NDArray[np.int64]:
        """When each of so many single windows is full."""
        return self.window + WINDOW_STEP * np.arange(count, dtype=np.int64)


@dataclass(frozen=True)
class FilesExam:
    """Lets an engine hear recordings one after another; an exam, so that processes share the work.

    Attributes:
        paths: of the recordings; unusable ones are left out.
        windows: whether single windows are heard, too.
    """

    paths: tuple[Path, ...]
    windows: bool = True

    def __call__(self, engine: Engine) -> dict[str, Any]:
        """The `Sound` under "sound", and why recordings were left out under "problems"."""
        sounds, problems = [np.zeros(0, np.int16)], []
        for path in self.paths:
            try:
                sounds.append(read_pcm(path))
            except MynaError as error:
                problems.append(str(error))
        return {"sound": hear(engine, np.concatenate(sounds), self.windows), "problems": problems}


@dataclass(frozen=True)
class SoundExam:
    """Lets an engine hear int16 [samples], and single windows of them, too."""

    pcm: Pcm
    windows: bool = True

    def __call__(self, engine: Engine) -> dict[str, Any]:
        """The `Sound` under "sound"."""
        return {"sound": hear(engine, self.pcm, self.windows)}


def hear(engine: Engine, pcm: Pcm, windows: bool = True) -> Sound:
    """What an engine in this process makes of int16 [samples], perhaps without single windows."""
    assert isinstance(engine, StreamEngine)
    core, audio, listener = engine.core, engine.front_end, engine.stream
    assert isinstance(core, HostLibrary)
    source = embedding_of(core.program.graph)
    listener.reset()
    streamed = [listener.embedding for _ in listener.push(pcm)]
    starts = range(0, len(pcm) - audio.samples + 1 if windows else 0, WINDOW_STEP)
    single = [
        core.embed(native.extract(audio, pcm[start : start + audio.samples])) for start in starts
    ]
    found = (np.array(some, np.int16).reshape(-1, source.size) for some in (streamed, single))
    as_stream, as_windows = found
    return Sound(len(pcm), as_stream - np.int16(source.zero_point), as_windows)


class Head:
    """The head of a core as it is now: what it says to embeddings, to the bit of the core."""

    def __init__(self, core: HostLibrary) -> None:
        graph = core.program.graph
        node = head_of(graph)
        assert isinstance(node.op, Dense)
        weights, bias, *constants = node.inputs[1:]
        used = core.classes
        self._op, self._w = node.op, core.get_state(weights)[:used]
        rest = (core.get_state(bias), *(graph.tensors[name].data for name in constants))
        self._rest = tuple(part[:used] for part in rest if part is not None)
        self._center, self._typical = center_of(graph), core.get_state(TYPICAL)[:used]

    def logits(self, embeddings: Embeddings) -> npt.NDArray[np.int8]:
        """[n, inputs] -> int8 [n, classes in use]."""
        found = [np.zeros((0, len(self._w)), np.int8)]
        for at in range(0, len(embeddings), PIECE):
            sums = fixed.matmul_exact(embeddings[at : at + PIECE], self._w.T)
            found.append(self._op.finish(sums, *self._rest))
        return np.concatenate(found)

    def confidences(self, embeddings: Embeddings, word: int) -> npt.NDArray[np.int64]:
        """How surely whole windows are a word (Q15); `NOTHING` where they are taken for another.

        Args:
            embeddings: [n, inputs].
            word: its class.

        Returns:
            [n]; see `learn.accept`.
        """
        found = np.full(len(embeddings), NOTHING)
        for i in np.flatnonzero(self.logits(embeddings).argmax(1) == word):
            inputs = embeddings[i], self._center, self._w[word : word + 1]
            (similarity,) = Similarity(0).reference(*inputs)
            found[i] = int(similarity[0]) - int(self._typical[word])
        return found


def groups(folder: Path) -> list[tuple[Path, ...]]:
    """All recordings in a tree of folders, in groups of some minutes.

    Raises:
        MynaError: there is none.
    """
    paths = sorted(path for path in folder.rglob("*") if is_recording(path))
    if not paths:
        raise MynaError(
            "the folder holds no recordings", where=str(folder), fix="name a folder of sound"
        )
    found: list[list[Path]] = [[]]
    size = 0
    for path in paths:
        if size > GROUP_BYTES:
            found.append([])
            size = 0
        found[-1].append(path)
        size += path.stat().st_size if path.is_file() else 0  # a broken link is left out later
    return [tuple(group) for group in found]
