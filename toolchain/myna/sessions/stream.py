# SPDX-License-Identifier: Apache-2.0
"""A board that listens all the time, to sound that its host sends."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from myna.audio.features import Pcm
from myna.device import bodies as b
from myna.device import messages as m
from myna.device.bodies import Empty
from myna.device.frame import MAX_PAYLOAD
from myna.device.link import DeviceError
from myna.device.session import Board
from myna.device.status import Status
from myna.learn.detect import STEPS, Event, Template
from myna.learn.listening import CLOCK, REFRACTORY, Heard
from myna.learn.sightings import Sighting

PIECE = (MAX_PAYLOAD - 8) // 2  # samples behind offset and events
THOUSAND = 1000  # hours, for which a board keeps a rate
SCORE, EVENT = struct.Struct("<Ii"), struct.Struct("<IiI")


@dataclass(frozen=True)
class StoredWord:
    """A word that a board listens for.

    Attributes:
        takes: that its template is made of.
        threshold: the least score that is an event; `learn.templates.SILENT` until it is set.
        rate: false accepts per hour that the threshold was set for, in thousandths exactly.
    """

    takes: int
    threshold: int
    rate: float


class BoardListening:
    """What a board hears; see `learn.listening.Listening`.

    `push` may be called while a request runs that was begun (`link.Link.begin`): the board goes on
    listening between two steps. All methods raise MynaError as those of `session.Board` do.

    Args:
        session: with the board, whose firmware was built with `--streaming`.
    """

    def __init__(self, session: Board) -> None:
        self._link = session.link
        self._time = self._events = 0

    def make_template(self, label: int) -> int:
        """Listen for a word, by the stored clips of its class; returns how many they are."""
        return self._link.request(m.TEMPLATE_MAKE, b.TemplateMake(label)).takes

    def word(self, label: int) -> StoredWord | None:
        """The word of a class; None if the board does not listen for it."""
        try:
            found = self._link.request(m.TEMPLATE_READ, b.TemplateRead(label, 0))
        except DeviceError as error:
            if error.status != Status.BAD_LABEL:
                raise
            return None
        return StoredWord(found.takes, found.threshold, found.rate / THOUSAND)

    def template(self, label: int) -> Template:
        """See `learn.listening.Listening`."""
        first = self._link.request(m.TEMPLATE_READ, b.TemplateRead(label, 0))
        here = len(first.data)
        rest = [b.TemplateRead(label, at) for at in range(here, first.total, here)]
        replies = [first, *self._link.stream(m.TEMPLATE_READ, rest)]
        data = b"".join(reply.data for reply in replies)
        return np.frombuffer(data, np.int8).reshape(STEPS, -1)

    def set_threshold(self, label: int, threshold: int, rate: float = 0.0) -> None:
        """See `learn.listening.Listening`.

        Args:
            label: class of the word.
            threshold: its least score.
            rate: false accepts per hour that it is set for, which the board keeps.
        """
        request = b.ThresholdSet(threshold, round(rate * THOUSAND), label)
        self._link.request(m.THRESHOLD_SET, request)

    def sightings(self) -> tuple[Sighting, ...]:
        """See `learn.listening.Listening`."""
        kept: list[Sighting] = []
        found = self._link.request(m.SIGHTED, b.Sighted(0))
        while found.number:
            told = found.number, found.time, found.score, found.label
            kept.append(Sighting(*told, bool(found.accepted)))
            found = self._link.request(m.SIGHTED, b.Sighted(found.number))
        return tuple(kept)

    def rivals(self) -> int:
        """How many refused sounds are kept."""
        return self._link.request(m.SIGHTED, b.Sighted(0)).rivals

    def refuse(self, number: int) -> None:
        """See `learn.listening.Listening`."""
        self._link.request(m.SIGHTING_REFUSE, b.SightingRefuse(number))

    def add(self, number: int, label: int) -> None:
        """See `learn.listening.Listening`."""
        self._link.request(m.SIGHTING_ADD, b.SightingAdd(number, label))

    def begin(self, *, gated: bool = True, refractory: int = REFRACTORY) -> None:
        """See `learn.listening.Listening`."""
        self._link.request(m.SOUND_BEGIN, b.SoundBegin(refractory, int(gated)))
        self._time = self._events = 0

    def end(self) -> None:
        """Listen no longer."""
        self._link.request(m.SOUND_END, Empty())

    def skip(self, samples: int) -> None:
        """See `learn.listening.Listening`."""
        self._time = (self._time + samples) % CLOCK

    def push(self, pcm: Pcm) -> Heard:
        """See `learn.listening.Listening`."""
        found: list[Event] = []
        for at in range(0, max(len(pcm), 1), PIECE):
            reply = self._put(np.ascontiguousarray(pcm[at : at + PIECE], "<i2"))
            scores, events = _unpack(reply)
            found += events
        counts = reply.samples, reply.lost, reply.decisions
        return Heard(*counts, reply.level, bool(reply.is_open), scores, tuple(found))

    def _put(self, pcm: Pcm) -> b.SoundReply:
        """One request; repeated, it changes nothing, as the board knows these samples then."""
        request = b.SoundPut(self._time, self._events, pcm.tobytes())
        reply = self._link.request(m.SOUND_PUT, request)
        self._time = (self._time + len(pcm)) % CLOCK
        self._events = reply.events
        return reply


def _unpack(reply: b.SoundReply) -> tuple[dict[int, int], list[Event]]:
    """Scores by class, and the events that are new."""
    end = SCORE.size * reply.words
    scores = dict(SCORE.iter_unpack(reply.data[:end]))
    events = EVENT.iter_unpack(reply.data[end:])
    return scores, [Event(time, label, score) for time, score, label in events]
