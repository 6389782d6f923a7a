# SPDX-License-Identifier: Apache-2.0
"""A model that can be listened with, recordings of its words, and long sound with words in it."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import numpy as np
from myna.audio.features import Pcm
from myna.audio.files import write_wav
from myna.learn.detect import STRIDE
from myna.package.negatives import StoredNegatives
from myna.passes.pipeline import Options
from myna.passes.training.imprint import embedding_of
from myna.project import open_project

from support import tiny_model
from support.kept import kept

STREAMING = Options(train="head", streaming=True)
WORDS = ("one", "three")
LENGTH = 1.3  # seconds of a word: as long as a template
AT = (5.0, 9.0, 13.0)  # seconds, at which words begin in `sound`
SAID = ("one", "three", "one")


@cache
def folder() -> Path:
    """The reversible network's folder with negatives.npz: words of which an end is missing."""

    def write(draft: Path) -> None:
        shutil.copytree(tiny_model.folder(), draft, dirs_exist_ok=True)
        project = open_project(draft, STREAMING)
        assert project.streaming is not None
        stream = project.library().stream(project.streaming)
        tones = [tiny_model.tone(WORDS[i % 2], i, 0.8) for i in range(40)]
        parts = [part for i, tone in enumerate(tones) for part in (tone, _room(20000, i))]
        heard = [stream.embedding for _ in stream.push(np.concatenate(parts))]
        source = embedding_of(project.program.graph)
        found = np.array(heard, np.int16) - np.int16(source.zero_point)
        step = 2  # so that what is without its zero point fits int8
        body = project.package.model.body_digest
        levels = (found[::STRIDE] // step).astype(np.int8)
        StoredNegatives(np.zeros((0, found.shape[1]), np.int8), levels, step, body).save(draft)

    return kept("wake_words", write)


def _room(samples: int, seed: int) -> Pcm:
    return np.random.default_rng(seed).normal(0, 30, samples).astype(np.int16)


def say(word: str, seed: int, length: float = LENGTH) -> Pcm:
    """A word in a quiet room."""
    tone = tiny_model.tone(word, seed, length)
    return np.concatenate([_room(8000, seed), tone, _room(8000, seed + 1)])


def recordings(root: Path, takes: int = 3) -> Path:
    """A folder DIR/<word>/<take>.wav."""
    for label, word in enumerate(WORDS):
        (root / word).mkdir(parents=True)
        for take in range(takes):
            write_wav(root / word / f"me_{take}.wav", say(word, 100 * label + take))
    return root


def sound(seconds: int = 18) -> Pcm:
    """A room, in which `SAID` is said at `AT`."""
    pcm = _room(16000 * seconds, 9)
    for seed, (word, at) in enumerate(zip(SAID, AT, strict=True), 900):
        tone, start = tiny_model.tone(word, seed, LENGTH), round(16000 * at)
        pcm[start : start + len(tone)] = tone
    return pcm
