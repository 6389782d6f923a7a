# SPDX-License-Identifier: Apache-2.0
"""Running speech that says nothing: invented words of many languages, one after another."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from myna.audio import synth
from myna.audio.config import RATE
from myna.audio.features import Pcm
from myna.pretrain.vocabulary import LANGUAGES, invent

WORDS = 6000  # different ones
SENTENCE = 10  # words
SENTENCES = 25  # of a sound: about two and a half minutes
SOFTEST = -20.0  # dB
PAUSES = 0.05, 0.5  # seconds between sentences
NOISES = 0.5, 2.0  # decimal logarithms of its standard deviation


def babble(sounds: int, seed: int) -> list[Pcm]:
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
        text = " ".join(rng.choice(words[language], SENTENCE))
        said.append((text, synth.Voice(name, rate, pitch)))
    spoken = [
        synth.speak(said[at : at + SENTENCES]) for at in range(0, sounds * SENTENCES, SENTENCES)
    ]
    return [_joined(sentences, rng) for sentences in spoken]


def _joined(sentences: list[Pcm], rng: np.random.Generator) -> Pcm:
    parts = []
    for sentence in sentences:
        parts.append(sentence * 10 ** (rng.uniform(SOFTEST, 0) / 20))
        parts.append(np.zeros(int(rng.uniform(*PAUSES) * RATE)))
    sound = np.concatenate(parts)
    sound += rng.normal(0, 10 ** rng.uniform(*NOISES), len(sound))
    return np.asarray(np.clip(np.rint(sound), -32768, 32767), np.int16)
