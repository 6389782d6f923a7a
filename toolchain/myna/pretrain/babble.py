# SPDX-License-Identifier: Apache-2.0
"""Speech that says nothing: invented words of many languages, in sentences or alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from myna.audio import synth
from myna.audio.config import RATE
from myna.audio.features import Pcm
from myna.pretrain.vocabulary import LANGUAGES, invent

WORDS = 6000  # different ones
SENTENCES = 50  # of a sound: one to five minutes
SOFTEST = -20.0  # dB
NOISES = 0.5, 2.0  # decimal logarithms of its standard deviation


@dataclass(frozen=True)
class Manner:
    """How people speak.

    Attributes:
        words: of a sentence, one of these numbers.
        pauses: the shortest and the longest between sentences, in seconds.
    """

    words: tuple[int, ...]
    pauses: tuple[float, float]


RUNNING = Manner((10,), (0.05, 0.5))
ALONE = Manner((1, 1, 1, 2, 3, 4), (0.3, 2.0))  # as one calls a device


def babble(sounds: int, manner: Manner, seed: int) -> list[Pcm]:
    """Sounds of sentences by different voices, louder and softer, in noise: int16 [samples] each.

    Raises:
        MynaError: the synthesizer is missing.
    """
    rng = np.random.default_rng(seed)
    words: defaultdict[str, list[str]] = defaultdict(list)
    for text, language in invent(WORDS, seed):
        words[language].append(text)
    said = []
    for number in range(sounds * SENTENCES):
        language = LANGUAGES[number % len(LANGUAGES)]
        name = f"{language}+{rng.choice(synth.VARIANTS)}"
        rate, pitch = int(rng.integers(120, 215)), int(rng.integers(20, 85))
        text = " ".join(rng.choice(words[language], rng.choice(manner.words)))
        said.append((text, synth.Voice(name, rate, pitch)))
    spoken = [
        synth.speak(said[at : at + SENTENCES]) for at in range(0, sounds * SENTENCES, SENTENCES)
    ]
    return [_joined(sentences, manner, rng) for sentences in spoken]


def _joined(sentences: list[Pcm], manner: Manner, rng: np.random.Generator) -> Pcm:
    parts = []
    for sentence in sentences:
        parts.append(sentence * 10 ** (rng.uniform(SOFTEST, 0) / 20))
        parts.append(np.zeros(int(rng.uniform(*manner.pauses) * RATE)))
    sound = np.concatenate(parts)
    sound += rng.normal(0, 10 ** rng.uniform(*NOISES), len(sound))
    return np.asarray(np.clip(np.rint(sound), -32768, 32767), np.int16)
