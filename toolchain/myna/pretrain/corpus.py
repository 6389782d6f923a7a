# SPDX-License-Identifier: Apache-2.0
"""The sounds a model is trained and tested on: labels, splits, noises, synthetic speakers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from myna.audio import dataset, synth
from myna.audio.config import RATE, SILENCE, unknown_of
from myna.audio.features import Pcm
from myna.errors import MynaError
from myna.pretrain import vocabulary
from myna.pretrain.vocabulary import MARKS

NO_LABEL = -1
SILENCES = 400  # sources of the silence class; each is augmented into many
HELD_OUT_NOISE = "exercise_bike"  # this recording, and the last 15 s of every other, are for tests
HELD_OUT_SAMPLES = 15 * RATE
TEST_LEVELS = 5  # silence in tests: full level, 1/2, 1/4, 1/8, 1/16
# Words spoken by synthetic voices only: they widen "unknown" and what the body must tell apart.
OTHER_WORDS = (
    *("apple", "banana", "open", "close", "lamp", "music", "volume", "heat", "water", "window"),
    *("morning", "table", "yellow", "purple", "garden", "coffee", "play", "pause", "next", "back"),
    *("enter", "cancel", "start", "record", "send", "rotate", "option", "mother", "river", "sun"),
    *("note", "gap", "show", "low", "load", "cup", "top", "shop", "step", "soft", "of", "often"),
    *("an", "gone", "own", "town", "brown", "drown", "lift", "lost", "light", "write", "ride"),
    *("snow", "know", "yet", "guess", "chess", "app", "us", "all", "long", "door", "floor"),
)


@dataclass(frozen=True)
class Source:
    """One sound to draw training examples from.

    Attributes:
        pcm: int16 [samples]; empty for silence.
        label: index into the model's labels, or NO_LABEL: for the word head only.
        word: what is said, for the word head.
        synthetic: from a synthetic voice, without surrounding silence.
    """

    pcm: Pcm
    label: int
    word: str
    synthetic: bool = False


def label_of(word: str, labels: Sequence[str]) -> int | None:
    """A word's class: its own, else "unknown", or None if the model has no such class."""
    if word in labels:
        return labels.index(word)
    return unknown_of(labels)


def recorded(clips: Iterable[dataset.Clip], labels: Sequence[str]) -> list[Source]:
    """Sources from recordings; unusable files and words without a class are left out."""
    wanted = [clip for clip in clips if label_of(clip.word, labels) is not None]
    kept, sounds, _ = dataset.read_usable(wanted)
    sources = []
    for clip, pcm in zip(kept, sounds, strict=True):
        label = label_of(clip.word, labels)
        assert label is not None
        sources.append(Source(pcm, label, clip.word))
    return sources


def synthetic(words: Sequence[str], labels: Sequence[str], voices: int) -> list[Source]:
    """Sources from espeak-ng: a label's word by that many voices, another by a third of them.

    Punctuation varies the intonation.
    """
    spoken = [
        (word, word + MARKS[n % len(MARKS)], voice)
        for n, voice in enumerate(synth.voices(voices))
        for word in words
        if word in labels or n % 3 == 0
    ]
    sounds = synth.speak([(text, voice) for _, text, voice in spoken]) if spoken else []
    sources = []
    for (word, _, _), pcm in zip(spoken, sounds, strict=True):
        label = label_of(word, labels)
        if label is not None:
            sources.append(Source(pcm, label, word, synthetic=True))
    return sources


def invented(words: int, takes: int, seed: int) -> list[Source]:
    """Sources of that many invented words, each by `takes` synthetic speakers."""
    spoken = vocabulary.cast(vocabulary.invent(words, seed), takes, seed)
    sounds = synth.speak([(text, voice) for _, text, voice in spoken]) if spoken else []
    return [
        Source(pcm, NO_LABEL, word, synthetic=True)
        for (word, _, _), pcm in zip(spoken, sounds, strict=True)
    ]


def silences(labels: Sequence[str]) -> list[Source]:
    """Sources of silence, if that is a label."""
    if SILENCE not in labels:
        return []
    return [Source(np.zeros(0, np.int16), labels.index(SILENCE), SILENCE)] * SILENCES


def unlabelled(clips: Sequence[dataset.Clip]) -> list[Source]:
    """Sources for the word head, of another data folder.

    A word is a class of its own there, though the model's data may spell another like it.

    Raises:
        MynaError: no recording is usable.
    """
    kept, sounds, _ = dataset.read_usable(clips)
    return [
        Source(pcm, NO_LABEL, f"{clip.path.parent.parent.name}:{clip.word}")
        for clip, pcm in zip(kept, sounds, strict=True)
    ]


def training_noises(data: Path) -> list[Pcm]:
    """Background recordings without what is held out for tests."""
    noises = dataset.read_noises(data)
    return [
        pcm[:-HELD_OUT_SAMPLES]
        for name, pcm in noises.items()
        if name != HELD_OUT_NOISE and len(pcm) > HELD_OUT_SAMPLES + 2 * RATE
    ]


def test_silence(data: Path, count: int) -> Pcm:
    """Clips without speech from held-out noise, int16 [count, 16000], always the same ones.

    Evenly spaced seconds of the last 15 s of every recording in turn, clip n attenuated by
    2^(n mod 5); every fiftieth clip is pure zeros. Without recordings all are zeros.
    """
    tails = [pcm[-HELD_OUT_SAMPLES:] for pcm in dataset.read_noises(data).values()]
    clips = np.zeros((count, RATE), np.int16)
    for n in range(count):
        if tails and n % 50 != 49:
            tail = tails[n % len(tails)]
            start = (n // len(tails)) * (len(tail) - RATE) // (count // len(tails) + 1)
            clips[n] = tail[start : start + RATE] >> (n % TEST_LEVELS)
    return clips


def test_clips(data: Path, labels: Sequence[str]) -> tuple[Pcm, npt.NDArray[np.int64]]:
    """The test set: int16 [clips, 16000] and labels.

    All usable recordings of test speakers (other words are "unknown"), then a tenth as many
    silences, in the order of the folder.

    Raises:
        MynaError: no test speaker says any of the labels.
    """
    sources = recorded(dataset.select(dataset.scan(data), split="test"), labels)
    if not sources:
        raise MynaError(
            "no recording belongs to a test speaker",
            where=str(data),
            fix="add recordings of more speakers: one in ten is kept for testing",
        )
    sounds, classes = [s.pcm for s in sources], [s.label for s in sources]
    if SILENCE in labels:
        quiet = test_silence(data, len(sources) // 10)
        sounds += list(quiet)
        classes += [labels.index(SILENCE)] * len(quiet)
    return np.array(sounds), np.array(classes)
