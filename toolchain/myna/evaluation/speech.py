# SPDX-License-Identifier: Apache-2.0
"""A user for demonstrations: recorded, or spoken by the speech synthesizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from myna.audio.config import RATE
from myna.audio.dataset import scan, select
from myna.audio.features import Pcm
from myna.audio.files import read_clip
from myna.audio.synth import Voice, speak
from myna.errors import MynaError
from myna.evaluation.split import split_takes

SYNTHETIC_WORDS = ("kitchen", "lantern", "mercury", "penguin", "sunrise")
SYNTHETIC_TAKES = 8
VOICE = "en-us+f4"
NOISE = 20.0  # RMS of the noise under synthetic speech, in samples' units


@dataclass(frozen=True)
class Utterance:
    """One second of sound, int16 [16000], and the word said."""

    word: str
    pcm: Pcm


Takes = tuple[tuple[Utterance, ...], tuple[Utterance, ...]]  # to enroll, to test


def recorded_user(folder: Path, speaker: str, words: Sequence[str], shots: int) -> Takes:
    """The takes of a recorded speaker.

    Raises:
        MynaError: no such recordings, one is unusable, or there is none to test on.
    """
    clips = select(scan(folder), words=words, speakers=[speaker])
    enrolled, tested = split_takes(clips, shots)
    if not tested:
        raise MynaError(
            f"speaker {speaker} has no take beyond {shots} of these words",
            where=str(folder),
            fix="lower --shots, or choose another --speaker",
        )

    def utterances(positions: Sequence[int]) -> tuple[Utterance, ...]:
        return tuple(Utterance(clips[i].word, read_clip(clips[i].path)) for i in positions)

    return utterances(enrolled), utterances(tested)


def synthetic_user(words: Sequence[str], shots: int, seed: int) -> Takes:
    """One synthetic voice that says every word at several speeds and pitches.

    Args:
        words: what to say.
        shots: takes to enroll; as many more are for tests as make `SYNTHETIC_TAKES`, at least 3.
        seed: of the takes' speeds, pitches and places in their second.

    Raises:
        MynaError: the synthesizer is missing.
    """
    rng = np.random.default_rng(seed)
    count = max(SYNTHETIC_TAKES, shots + 3)
    said = [
        (word, Voice(VOICE, rate=int(rng.integers(110, 185)), pitch=int(rng.integers(25, 80))))
        for word in words
        for _ in range(count)
    ]
    sounds = speak(said)
    takes = [Utterance(word, _place(pcm, rng)) for (word, _), pcm in zip(said, sounds, strict=True)]
    enrolled = [take for i, take in enumerate(takes) if i % count < shots]
    tested = [take for i, take in enumerate(takes) if i % count >= shots]
    return tuple(enrolled), tuple(tested)


def _place(pcm: Pcm, rng: np.random.Generator) -> Pcm:
    """The word somewhere in a second of faint noise."""
    word = pcm[:RATE]
    second = rng.normal(0, NOISE, RATE)
    start = int(rng.integers(0, RATE - len(word) + 1))
    second[start : start + len(word)] += word
    return np.asarray(np.clip(np.rint(second), -32768, 32767), np.int16)
