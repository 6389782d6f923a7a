# SPDX-License-Identifier: Apache-2.0
"""Always listening: what comes of sound, whoever hears it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from myna.audio.config import RATE
from myna.audio.features import Pcm
from myna.ir import Array
from myna.learn.detect import Event, Template

REFRACTORY = RATE  # samples after an event without another
SILENT = 2**31 - 1  # the threshold of a word until somebody sets one


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
    """Who listens."""

    def begin(self) -> None:
        """Listen from now on; samples are counted from 0."""

    def push(self, pcm: Pcm) -> Heard:
        """Take int16 [samples], 16 kHz, any number of them."""

    def make_template(self, label: int, takes: Sequence[Array]) -> None:
        """Listen for a word, of which these are clips' features, int8 [frames, coefficients]."""

    def template(self, label: int) -> Template:
        """The template of a word, by its class."""

    def set_threshold(self, label: int, threshold: int) -> None:
        """The least score of a word, by its class, that is an event."""
