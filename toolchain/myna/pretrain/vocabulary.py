# SPDX-License-Identifier: Apache-2.0
"""Invented words of many languages: what makes an embedding tell apart words it never heard.

A word is a few random syllables, read by the rules of a language. Nobody says these words; they
cover more sequences of sounds than any list of recorded words does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from myna.audio import synth

LANGUAGES = (
    *("en-us", "de", "es", "it", "tr", "pl", "sw", "id", "fi", "nl", "pt", "cs", "hu", "ro"),
    *("sv", "hr", "vi", "hi", "fa", "lt", "et", "sq", "da", "az", "ms", "uz", "is", "mt"),
)
ONSETS = (
    *("", "b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "y", "z"),
    *("sh", "ch", "j", "kh", "th", "br", "dr", "gr", "kl", "pl", "st", "sk", "tr", "fl", "sp"),
)
NUCLEI = ("a", "e", "i", "o", "u", "a", "i", "u", "ai", "au", "ei", "ou", "aa", "ee", "oo")
CODAS = ("", "", "", "", "n", "m", "r", "l", "s", "t", "k", "d", "f", "b", "sh", "z", "p", "g")
SYLLABLES = (1, 2, 2, 2, 3)
MARKS = (".", "!", "?", ",")  # punctuation varies the intonation

Spoken = tuple[str, str, synth.Voice]  # (class, text, who says it)


def invent(count: int, seed: int) -> tuple[tuple[str, str], ...]:
    """Different (text, language) pairs, always the same for a seed."""
    random = np.random.default_rng((seed, count))
    found: dict[tuple[str, str], None] = {}
    while len(found) < count:
        parts = [
            random.choice(kind)
            for _ in range(random.choice(SYLLABLES))
            for kind in (ONSETS, NUCLEI, CODAS)
        ]
        text = "".join(parts)
        if len(text) > 2:
            found[text, str(random.choice(LANGUAGES))] = None
    return tuple(found)


def cast(words: Sequence[tuple[str, str]], takes: int, seed: int) -> list[Spoken]:
    """Each word by `takes` different speakers: variants, speeds, pitches and intonations vary."""
    random = np.random.default_rng((seed, takes))
    spoken = []
    for text, language in words:
        for variant in random.choice(synth.VARIANTS, takes, replace=False):
            voice = synth.Voice(
                f"{language}+{variant}",
                rate=int(random.integers(105, 215)),
                pitch=int(random.integers(20, 85)),
            )
            spoken.append((f"{language}:{text}", text + str(random.choice(MARKS)), voice))
    return spoken
