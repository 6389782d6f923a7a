# SPDX-License-Identifier: Apache-2.0
"""A word said to a microphone is recorded from before it until after it, and no longer."""

from __future__ import annotations

import numpy as np
import pytest
from myna.audio.config import RATE, RECORDING
from myna.audio.endpoint import Verdict, listen
from myna.audio.features import Pcm
from myna.audio.recorder import PATIENCE, record_word
from support import tiny_model

PIECE = 1600


def room(seconds: float, loudness: float = 8) -> Pcm:
    rng = np.random.default_rng(1)
    return rng.normal(0, loudness, round(seconds * RATE)).astype(np.int16)


def word(seconds: float = 0.6) -> Pcm:
    return tiny_model.tone("one", 3, seconds)


CLIPPED = np.clip(9.0 * word(), -32768, 32767).astype(np.int16)


class Said:
    """Sound in pieces, and how much of it was asked for."""

    def __init__(self, *parts: Pcm) -> None:
        self.sound = np.concatenate(parts)
        self.asked = 0
        self.levels: list[int] = []

    def record(self) -> tuple[Pcm, Verdict]:
        return record_word(self, self.levels.append)

    def __iter__(self) -> Said:
        return self

    def __next__(self) -> Pcm:
        if self.asked >= len(self.sound):
            raise StopIteration
        self.asked += PIECE
        return self.sound[self.asked - PIECE : self.asked]


@pytest.mark.parametrize("before", [0.3, 1.0, 2.7, 4.0, 8.5])
@pytest.mark.parametrize("seconds", [0.2, 0.6, 1.0])
def test_it_ends_soon_after_the_word(before: float, seconds: float) -> None:
    said = Said(room(before), word(seconds), room(9))
    pcm, verdict = said.record()
    assert verdict is Verdict.OK
    end = before + seconds
    assert max(end, 1.02) < said.asked / RATE < max(end + 0.5, 1.02) + 0.3
    assert len(pcm) <= RECORDING
    found = listen(pcm)
    assert abs(found.length * 320 / RATE - seconds) < 0.1  # all of the word is there


def test_a_short_silence_within_a_word_is_no_end() -> None:
    said = Said(room(1), word(0.3), room(0.2), word(0.3), room(3))
    pcm, verdict = said.record()
    assert verdict is Verdict.OK
    assert abs(listen(pcm).length * 320 / RATE - 0.8) < 0.1


def test_levels_are_shown_as_they_come() -> None:
    said = Said(room(1), word(), room(2))
    said.record()
    assert len(said.levels) == said.asked // PIECE
    assert max(said.levels[:9]) < 60
    assert max(said.levels) > 150


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [
        ((word(0.6), room(3)), Verdict.CUT_OFF),
        ((room(1), word(9)), Verdict.CUT_OFF),
        ((room(1), word(), room(0.35), word(), room(3)), Verdict.TWO_WORDS),
        (
            (room(1), np.clip(9.0 * word(), -32768, 32767).astype(np.int16), room(3)),
            Verdict.CLIPPED,
        ),
        ((room(30),), Verdict.SILENT),
        ((room(30, 3000),), Verdict.NO_WORD),
    ],
)
def test_what_is_of_no_use_is_told(parts: tuple[Pcm, ...], verdict: Verdict) -> None:
    said = Said(*parts)
    pcm, found = said.record()
    assert found is verdict
    assert len(pcm) <= RECORDING
    assert said.asked <= PATIENCE + PIECE


def test_nothing_said_ends_with_patience() -> None:
    said = Said(room(60))
    said.record()
    assert said.asked == PATIENCE


def test_a_source_that_ends_is_judged_as_it_is() -> None:
    assert Said(room(0.1)).record()[1] is Verdict.NO_WORD
    assert Said(room(0.5), word(), room(0.2)).record()[1] is Verdict.OK
