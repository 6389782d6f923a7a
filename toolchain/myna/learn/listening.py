# SPDX-License-Identifier: Apache-2.0
"""Always listening: from sound to words that were said; twin of firmware/runtime/listening.c.

Of each row of features the gate learns the level of its first 20 ms. While the gate is open rows
are heard as they come; while it is closed only the latest `PREROLL` wait, so that the beginning of
a word is not lost that opens it. To the network a silence is then as short as the gate's hangover.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from myna.audio.config import FRAME, HOP, RATE, AudioConfig
from myna.audio.endpoint import levels
from myna.audio.features import Pcm, extract
from myna.ir import Array
from myna.learn.detect import (
    SPAN,
    Embeddings,
    Event,
    Space,
    Template,
    scores,
    template,
    with_take,
)
from myna.learn.gate import Gate
from myna.learn.sightings import Sighting, Sightings
from myna.learn.templates import RIVALS, SILENT, Rows, around, zero_point
from myna.passes.streaming.stream import StreamingProgram

PREROLL = 10  # rows before speech stands out that are heard too: 0.2 s
REFRACTORY = RATE  # samples after an event without another, unless somebody says how many
CLOCK = 1 << 32  # samples and counts of them are modulo this


@dataclass(frozen=True)
class Heard:
    """What came of some sound.

    Attributes:
        samples: since listening began.
        lost: of them not heard.
        decisions: since listening began.
        level: of the latest 20 ms, log2 of the variance, in eighths (`audio.endpoint`).
        is_open: whether there may be speech.
        scores: of each word, by its class, at the latest decision.
        events: that are new, in their order; their words are classes, their times samples.
    """

    samples: int
    lost: int
    decisions: int
    level: int
    is_open: bool
    scores: Mapping[int, int]
    events: tuple[Event, ...]


class Listening(Protocol):
    """Who listens: the reference, the C core in this process, a board."""

    def begin(self, *, gated: bool = True, refractory: int = REFRACTORY) -> None:
        """Listen from now on; samples are counted from 0.

        Args:
            gated: rest while nothing stands out from the noise.
            refractory: samples after an event without another.
        """

    def push(self, pcm: Pcm) -> Heard:
        """Take int16 [samples], 16 kHz, any number of them."""

    def skip(self, samples: int) -> None:
        """So many samples were lost on their way here."""

    def set_threshold(self, label: int, threshold: int) -> None:
        """The least score of a word, by its class, that is an event."""

    def template(self, label: int) -> Template:
        """The template of a word, by its class."""

    def sightings(self) -> tuple[Sighting, ...]:
        """What was taken for a word lately, or nearly, the newest first."""

    def refuse(self, number: int) -> None:
        """A sighting was no word: what is like it is none from now on."""

    def add(self, number: int, label: int) -> None:
        """A sighting was the word of a class: its template is made of one more take."""


@dataclass
class Word:
    """A word that is listened for."""

    template: Template
    takes: int
    threshold: int = SILENT


@dataclass(frozen=True)
class _Row:
    features: Array
    time: int  # samples until it was complete
    level: int
    follows_loss: bool


@dataclass
class _Detector:
    """`learn.detect.detect`, decision by decision."""

    space: Space
    period: int
    refractory: int
    scores: dict[int, int] = field(default_factory=dict)
    _heard: deque[Embeddings] = field(default_factory=lambda: deque(maxlen=SPAN + 1))
    _time: int = 0
    _wait: int = 0
    best: Event | None = None  # of the latest decision, an event or not; None: a rival is
    excess: int = 0

    def push(
        self,
        embedding: Embeddings,
        time: int,
        words: Mapping[int, Word],
        rivals: Sequence[Template],
    ) -> Event | None:
        """Take the embedding of a decision, int16 [1, inputs]."""
        elapsed = (time - self._time) % CLOCK
        if elapsed != self.period:
            self._heard.clear()
        self._wait -= min(self._wait, elapsed)
        self._time = time
        self._heard.append(embedding)
        self.scores, self.best = dict.fromkeys(words, 0), None
        if len(self._heard) <= SPAN or not words:
            return None
        some = self.heard
        self.scores = {
            label: int(scores(some, self.space, word.template)[0]) for label, word in words.items()
        }
        best = max(words, key=lambda label: self.scores[label] - words[label].threshold)
        self.excess = self.scores[best] - words[best].threshold
        foreign = (int(scores(some, self.space, one)[0]) for one in rivals)
        if all(score <= self.scores[best] for score in foreign):
            self.best = Event(time, best, self.scores[best])
        if self.excess < 0 or self._wait > 0:
            return None
        self._wait = self.refractory
        return self.best

    @property
    def heard(self) -> Embeddings:
        """Of the latest decisions, at most `SPAN` + 1: [n, inputs]."""
        return np.concatenate(self._heard)


class ReferenceListening:
    """The reference; see `Listening`.

    Args:
        stream: what hears rows of features.
        streaming: what it runs.
        audio: the front end.
        space: what scores depend on.
    """

    def __init__(
        self, stream: Rows, streaming: StreamingProgram, audio: AudioConfig, space: Space
    ) -> None:
        self._stream, self._streaming, self._space = stream, streaming, space
        self._frame = replace(audio, frames=1)
        self._words: dict[int, Word] = {}
        self._sightings, self._rivals = Sightings(space.center), list[Template]()
        self.begin()

    def make_template(self, label: int, takes: Sequence[Array], taker: Rows) -> None:
        """Listen for a word.

        Args:
            label: its class.
            takes: features of clips, int8 [frames, coefficients] each.
            taker: another stream, which hears them.
        """
        heard = [around(taker, self._streaming, one) for one in takes]
        threshold = self._words[label].threshold if label in self._words else SILENT
        made = template(heard, self._space.center)
        self._words[label] = Word(made, len(takes), threshold)
        self._detector = self._new_detector()

    def template(self, label: int) -> Template:
        """See `Listening`."""
        return self._words[label].template

    def set_threshold(self, label: int, threshold: int) -> None:
        """See `Listening`."""
        self._words[label].threshold = threshold

    @property
    def rivals(self) -> int:
        """How many refused sounds are kept."""
        return len(self._rivals)

    def sightings(self) -> tuple[Sighting, ...]:
        """See `Listening`."""
        return tuple(sighting for sighting, _ in self._sightings.kept)

    def refuse(self, number: int) -> None:
        """See `Listening`."""
        _, own = self._sightings.take(number)
        self._rivals = [*self._rivals, own][-RIVALS:]
        self._detector = self._new_detector()

    def add(self, number: int, label: int) -> None:
        """See `Listening`."""
        _, own = self._sightings.take(number)
        word = self._words[label]
        word.template, word.takes = with_take(word.template, word.takes, own), word.takes + 1
        self._detector = self._new_detector()

    def begin(self, *, gated: bool = True, refractory: int = REFRACTORY) -> None:
        """See `Listening`."""
        period = self._streaming.period
        self._gate = Gate((self._streaming.warm_up + 1 + SPAN) * period)
        self._gated, self._refractory = gated, refractory
        self._detector = self._new_detector()
        self._waiting: deque[_Row] = deque()
        self._pcm = np.zeros(0, np.int16)
        self._samples = self._lost = self._decisions = self._level = 0
        self._has_lost, self._is_open = False, True
        self.forget_rows()

    def forget_rows(self) -> None:
        """What was heard is of no use: training has changed the layers that heard it."""
        self._stream.reset()

    def skip(self, samples: int) -> None:
        """See `Listening`."""
        self._samples, self._lost = self._samples + samples, self._lost + samples
        self._pcm, self._has_lost = self._pcm[:0], True

    def push(self, pcm: Pcm) -> Heard:
        """See `Listening`."""
        self._samples += len(pcm)
        self._pcm = np.concatenate([self._pcm, pcm])
        events: list[Event] = []
        while len(self._pcm) >= FRAME:
            events += self._judge(self._next_row())
        if len(self._pcm) >= HOP:
            self._level = int(levels(self._pcm[:HOP])[0])
        counts = self._samples % CLOCK, self._lost % CLOCK, self._decisions % CLOCK
        return Heard(*counts, self._level, self._is_open, self._detector.scores, tuple(events))

    def _next_row(self) -> _Row:
        features = extract(self._frame, self._pcm[:FRAME])
        level = int(levels(self._pcm[:HOP])[0])
        time = (self._samples - len(self._pcm) + FRAME) % CLOCK
        row = _Row(features, time, level, self._has_lost)
        self._pcm, self._has_lost, self._level = self._pcm[HOP:], False, level
        return row

    def _judge(self, row: _Row) -> list[Event]:
        """Let the gate know of a row; what is heard then."""
        speech = self._gate.push(row.level)
        self._is_open = speech or not self._gated
        self._waiting.append(row)
        if not self._is_open:
            if len(self._waiting) > PREROLL:
                self._waiting.popleft()
            return []
        found = [self._hear(one) for one in self._waiting]
        self._waiting.clear()
        return [event for event in found if event is not None]

    def _hear(self, row: _Row) -> Event | None:
        if row.follows_loss:
            self._stream.reset()
        if self._stream.row(row.features) is None:
            return None
        self._decisions += 1
        embedding = self._stream.embedding.astype(np.int16) - np.int16(zero_point(self._streaming))
        detector = self._detector
        event = detector.push(embedding[None], row.time, self._words, self._rivals)
        self._sightings.push(
            detector.best, detector.excess, detector.heard, accepted=event is not None
        )
        return event

    def _new_detector(self) -> _Detector:
        fresh = _Detector(self._space, HOP * self._streaming.period, self._refractory)
        fresh.scores = dict.fromkeys(self._words, 0)
        return fresh
