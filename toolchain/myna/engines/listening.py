# SPDX-License-Identifier: Apache-2.0
"""The C core, listening, called through ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np

from myna.audio.features import Pcm
from myna.errors import MynaError
from myna.ir import Array
from myna.learn.detect import STEPS, Event, Template
from myna.learn.listening import CLOCK, REFRACTORY, Heard
from myna.learn.sightings import Sighting
from myna.learn.templates import RIVALS, most_words

EVENTS = 4  # MYNA_LISTEN_EVENTS of firmware/runtime/listening.h
HOP_PIECE = 4096  # samples at once: fewer than the ring of rows holds

_U32, _I32, _U16 = ctypes.c_uint32, ctypes.c_int32, ctypes.c_uint16


class _Status(ctypes.Structure):
    _fields_ = (
        *((name, _U32) for name in ("samples", "lost", "decisions", "events")),
        ("level", _U16),
        ("is_open", ctypes.c_bool),
    )


class _Event(ctypes.Structure):
    _fields_ = (("time", _U32), ("score", _I32), ("label", _U16))


class HostListening:
    """What a shared library hears; see `learn.listening.Listening`.

    Args:
        core: the library, compiled with streaming.
        classes: that it has room for.
        inputs: of its head.

    Attributes:
        room: how many words it listens for at most.
    """

    def __init__(self, core: ctypes.CDLL, classes: int, inputs: int) -> None:
        self._c, self.room = core, most_words(classes)
        words = self.room

        class Templates(ctypes.Structure):
            """`struct templates` of firmware/runtime/templates.h."""

            _fields_ = (
                ("directions", ctypes.c_int8 * (words * STEPS * inputs)),
                ("thresholds", _I32 * words),
                ("rivals", ctypes.c_int8 * (RIVALS * STEPS * inputs)),
                ("rates", _U32 * words),
                ("labels", _U16 * words),
                ("takes", _U16 * words),
                ("rival_labels", _U16 * RIVALS),
                ("count", _U16),
                ("rival_count", _U16),
            )

        class Kept(ctypes.Structure):
            """`struct sighting` of firmware/runtime/sightings.h."""

            _fields_ = (
                ("directions", ctypes.c_int8 * (STEPS * inputs)),
                *(("number", _U32), ("time", _U32), ("score", _I32), ("label", _U16)),
                ("accepted", ctypes.c_bool),
            )

        try:
            self._templates = Templates.in_dll(core, "myna_templates")
        except ValueError as error:
            raise MynaError("was compiled without streaming", where=core._name) from error
        self._directions = np.ctypeslib.as_array(self._templates.directions).reshape(
            words, STEPS, inputs
        )
        core.myna_listen_begin.argtypes = (ctypes.c_bool, _U32)
        core.myna_sound_push.argtypes = (ctypes.c_void_p, _U32, _U32)
        core.myna_listen_poll.restype = ctypes.c_bool
        core.myna_listen_status.restype = _Status
        core.myna_listen_events.restype = ctypes.POINTER(_Event)
        core.myna_listen_scores.restype = ctypes.POINTER(_I32)
        core.myna_sightings_newest.restype = ctypes.POINTER(Kept)
        core.myna_sightings_refuse.restype = core.myna_sightings_add.restype = ctypes.c_bool
        core.myna_template_add.argtypes = (ctypes.c_void_p,)
        core.myna_template_end.argtypes = (_U32, _U32)
        core.myna_template_end.restype = ctypes.c_bool
        self.begin()

    def make_template(self, label: int, takes: Sequence[Array]) -> None:
        """Listen for a word, of which these are clips' features, int8 [frames, coefficients] each.

        Raises:
            MynaError: there are as many words as there is room for.
        """
        self._c.myna_template_begin()
        for one in takes:
            self._c.myna_template_add(np.ascontiguousarray(one, np.int8).ctypes.data)
        if not self._c.myna_template_end(label, len(takes)):
            raise MynaError("listens for as many words as it has room for", where=self._c._name)

    def template(self, label: int) -> Template:
        """See `learn.listening.Listening`."""
        return np.array(self._directions[self._labels.index(label)], np.int8)

    def set_threshold(self, label: int, threshold: int) -> None:
        """See `learn.listening.Listening`."""
        self._templates.thresholds[self._labels.index(label)] = threshold

    @property
    def rivals(self) -> int:
        """How many refused sounds are kept."""
        return int(self._templates.rival_count)

    def sightings(self) -> tuple[Sighting, ...]:
        """See `learn.listening.Listening`."""
        found: list[Sighting] = []
        kept = self._c.myna_sightings_newest(0)
        while kept:
            one = kept.contents
            found.append(Sighting(one.number, one.time, one.score, one.label, one.accepted))
            kept = self._c.myna_sightings_newest(one.number)
        return tuple(found)

    def refuse(self, number: int) -> None:
        """See `learn.listening.Listening`.

        Raises:
            MynaError: it is not kept any more.
        """
        if not self._c.myna_sightings_refuse(number):
            raise _gone(number)

    def add(self, number: int, label: int) -> None:
        """See `learn.listening.Listening`.

        Raises:
            MynaError: it is not kept any more.
        """
        if not self._c.myna_sightings_add(number, self._labels.index(label)):
            raise _gone(number)

    @property
    def _labels(self) -> list[int]:
        return list(self._templates.labels[: self._templates.count])

    def begin(self, *, gated: bool = True, refractory: int = REFRACTORY) -> None:
        """See `learn.listening.Listening`."""
        self._c.myna_listen_begin(gated, refractory)
        self._time = self._events = 0

    def skip(self, samples: int) -> None:
        """See `learn.listening.Listening`."""
        self._time = (self._time + samples) % CLOCK
        self._put(np.zeros(0, np.int16))

    def push(self, pcm: Pcm) -> Heard:
        """See `learn.listening.Listening`."""
        found: list[Event] = []
        for at in range(0, max(len(pcm), 1), HOP_PIECE):
            self._put(np.ascontiguousarray(pcm[at : at + HOP_PIECE], np.int16))
            found += self._new_events()
        status, scores = self._c.myna_listen_status(), self._c.myna_listen_scores()
        counts = status.samples, status.lost, status.decisions
        by_label = {label: scores[word] for word, label in enumerate(self._labels)}
        return Heard(*counts, status.level, status.is_open, by_label, tuple(found))

    def _put(self, pcm: Pcm) -> None:
        self._c.myna_sound_push(pcm.ctypes.data, len(pcm), self._time)
        self._time = (self._time + len(pcm)) % CLOCK
        while self._c.myna_listen_poll():
            pass

    def _new_events(self) -> list[Event]:
        count, kept = self._c.myna_listen_status().events, self._c.myna_listen_events()
        new = [kept[number % EVENTS] for number in range(self._events, count)]
        self._events = count
        return [Event(one.time, one.label, one.score) for one in new]


def _gone(number: int) -> MynaError:
    return MynaError("is not kept any more", where=f"sound {number}", fix="let it be heard again")
