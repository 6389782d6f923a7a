# SPDX-License-Identifier: Apache-2.0
"""The C core in this process, listening for words by their templates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from myna.audio.config import FRAME, HOP
from myna.audio.endpoint import levels
from myna.audio.features import Pcm
from myna.engines.stream import HostStream
from myna.ir import Array
from myna.learn.detect import MIDDLE, SPAN, Embeddings, Event, Space, Template, scores, template
from myna.learn.listening import REFRACTORY, SILENT, Heard
from myna.passes.streaming.stream import StreamingProgram
from myna.passes.training.imprint import head_of


class HostListening:
    """See `learn.listening.Listening`.

    Args:
        stream: what hears.
        streaming: what it runs.
        space: what scores depend on.
    """

    def __init__(self, stream: HostStream, streaming: StreamingProgram, space: Space) -> None:
        self._stream, self._streaming, self._space = stream, streaming, space
        self._source = streaming.graph.tensors[head_of(streaming.graph).inputs[0]]
        self._templates: dict[int, Template] = {}
        self._thresholds: dict[int, int] = {}
        self.begin()

    def make_template(self, label: int, takes: Sequence[Array]) -> None:
        """See `learn.listening.Listening`; what was heard is forgotten."""
        around = [self._around(one) for one in takes]
        self._templates[label] = template(around, self._space.center)
        self._thresholds.setdefault(label, SILENT)
        self.begin()

    def _around(self, clip: Array) -> Embeddings:
        """Decisions around the middle of a clip; before and behind it the room sounds on."""
        behind = self._streaming.delay + MIDDLE * self._streaming.period
        steps = self._streaming.warm_up + 1 + SPAN
        before = steps * self._streaming.period - behind - len(clip)
        rows = np.pad(clip.reshape(len(clip), -1), ((before, behind), (0, 0)), "edge")
        self._stream.reset()
        found = [self._stream.embedding for row in rows if self._stream.row(row) is not None]
        return self._without_zero_point(found)

    def _without_zero_point(self, embeddings: Sequence[Array]) -> Embeddings:
        found = np.array(embeddings, np.int16).reshape(-1, self._source.size)
        return np.asarray(found - np.int16(self._source.zero_point))

    def template(self, label: int) -> Template:
        """See `learn.listening.Listening`."""
        return self._templates[label]

    def set_threshold(self, label: int, threshold: int) -> None:
        """See `learn.listening.Listening`."""
        self._thresholds[label] = threshold

    def begin(self) -> None:
        """See `learn.listening.Listening`."""
        self._stream.reset()
        self._samples = self._decisions = self._level = self._wait_until = 0
        self._recent = self._without_zero_point([])
        self._scores = dict.fromkeys(self._templates, 0)

    def push(self, pcm: Pcm) -> Heard:
        """See `learn.listening.Listening`."""
        new = self._without_zero_point([self._stream.embedding for _ in self._stream.push(pcm)])
        self._samples += len(pcm)
        self._decisions += len(new)
        if len(pcm) >= HOP:
            self._level = int(levels(pcm[-HOP:])[0])
        events = self._detect(new)
        return Heard(self._samples, 0, self._decisions, self._level, True, self._scores, events)

    def _detect(self, new: Embeddings) -> tuple[Event, ...]:
        """`learn.detect.detect`, for as many decisions as there are new ones."""
        recent = np.concatenate([self._recent, new])
        self._recent, count = recent[-SPAN:], len(recent) - SPAN
        if count <= 0 or not self._templates:
            return ()
        labels = list(self._templates)
        some = np.array([scores(recent, self._space, self._templates[word]) for word in labels])
        self._scores = dict(zip(labels, some[:, -1].tolist(), strict=True))
        excess = some - np.array([[self._thresholds[word]] for word in labels], np.int64)
        found = []
        for at in np.flatnonzero(excess.max(0) >= 0).tolist():
            time = self._time_of(self._decisions - count + at)
            if time >= self._wait_until:
                word = int(excess[:, at].argmax())
                found.append(Event(time, labels[word], int(some[word, at])))
                self._wait_until = time + REFRACTORY
        return tuple(found)

    def _time_of(self, decision: int) -> int:
        """Samples heard until then."""
        steps = self._streaming.warm_up + 1 + decision
        return FRAME + HOP * (steps * self._streaming.period - 1)
