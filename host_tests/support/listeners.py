# SPDX-License-Identifier: Apache-2.0
"""Networks that listen all the time, and sound with words in it."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from myna.audio import native
from myna.audio.features import Pcm
from myna.device.target import PROJECT
from myna.engines.reference import Reference
from myna.learn.listening import ReferenceListening
from myna.learn.stream import Stream
from myna.passes.pipeline import Options
from myna.project import Project, open_project

from support import tiny_model

RATE = 16000
FOLDERS = {"ds_cnn": PROJECT / "models" / "ds_cnn", "tiny": tiny_model.folder()}
PITCHES = (200, 1200)  # Hz, of two words
THRESHOLDS = {  # of them; what the tiny network hears is not worth much, but often an event
    "ds_cnn": (11_500_000, 15_100_000),
    "tiny": (25_300_000, 16_000_000),
}


@cache
def project(name: str, train: str = "head", *, streaming: bool = True) -> Project:
    return open_project(FOLDERS[name], Options(train=train, streaming=streaming))


def classes(name: str) -> tuple[int, int]:
    """Of the two words, which the network does not know."""
    known = len(project(name).package.labels)
    return known, known + 1


def reference(name: str) -> tuple[ReferenceListening, Stream]:
    """The reference, and another stream that hears takes."""
    built = project(name)
    assert built.streaming is not None
    values, audio = Reference(built.program).values, built.package.front_end
    space = built.space
    one, other = (Stream(built.streaming, values, audio) for _ in range(2))
    return ReferenceListening(one, built.streaming, audio, space), other


def word(number: int, seed: int) -> npt.NDArray[np.float64]:
    """Half a second of syllables in a voice that rises: float [8000]."""
    time = np.arange(RATE // 2) / RATE
    pitch = PITCHES[number] * np.random.default_rng(seed).uniform(0.97, 1.03)
    voice = sum(
        3000 / k * np.sin(2 * np.pi * pitch * k * time * (1 + k % 2 * time)) for k in range(1, 6)
    )
    return voice * np.hanning(len(time)) * (1 + np.sin(2 * np.pi * 4 * (1 + number) * time)) / 2


def rustle(samples: int, seed: int) -> npt.NDArray[np.float64]:
    """A room without speech: float [samples]."""
    return np.random.default_rng(seed).normal(0, 20, samples)


def take(number: int, seed: int) -> Pcm:
    """A second with a word in its middle: int16 [16000]."""
    sound = rustle(RATE, seed)
    sound[RATE // 4 : 3 * RATE // 4] += word(number, seed)
    return sound.astype(np.int16)


def takes(name: str, number: int) -> npt.NDArray[np.int8]:
    """Features of three takes of a word, int8 [3, frames, coefficients]."""
    return native.extract(
        project(name).package.front_end, np.array([take(number, i) for i in range(3)])
    )


SILENCES = (2, 4, 1, 5)  # seconds
ENDS = np.cumsum(np.array(SILENCES) + 0.5) * RATE  # of the words behind them


@cache
def scene() -> Pcm:
    """Silences, behind each a word in turn, and two seconds more: int16 [256000]."""
    parts = []
    for i, seconds in enumerate(SILENCES):
        parts += [rustle(RATE * seconds, i), word(i % 2, 50 + i)]
    return np.concatenate([*parts, rustle(2 * RATE, 9)]).astype(np.int16)


def pieces(pcm: Pcm, most: int, seed: int = 0) -> list[Pcm]:
    """The sound, cut at random."""
    cuts = np.cumsum(np.random.default_rng(seed).integers(1, most, len(pcm)))
    return np.split(pcm, cuts[cuts < len(pcm)])
