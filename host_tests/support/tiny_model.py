# SPDX-License-Identifier: Apache-2.0
"""The small networks of `tiny` as models' folders, and recordings of words made of tones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from myna import fixed
from myna.audio import native
from myna.audio.config import UNKNOWN
from myna.audio.features import Pcm
from myna.audio.files import write_wav
from myna.evaluation.split import assign_classes
from myna.frontend.model import FloatModel, save_model
from myna.learn.examples import Examples
from myna.package.package import RANGE_MODES, Package, save_package
from myna.package.voice import save_projection
from myna.passes.lowering.calibrate import forward
from myna.passes.lowering.lower import lower
from myna.passes.pipeline import Knowledge, Options
from myna.passes.training.imprint import measure
from myna.passes.training.owner import Projection
from myna.passes.training.replay import Memories, take_turns

from support import tiny
from support.kept import kept

RATE = 16000
THRESHOLD = 30_000  # Q15, of the owner's voice
HEAD = Options(train="head")
# word: Hz; the network knows the first four
TONES = {"a": 300, "b": 700, "c": 7000, "silence": 0, "one": 1200, "two": 2500, "three": 5000}


@cache
def folder(name: str = "reversible") -> Path:
    """A model's folder, with float.npz and int8.npz: a, b, c, silence and two free classes."""

    def write(draft: Path) -> None:
        model, package = _taught(name)
        save_model(model, draft)
        save_package(package, draft)

    return kept(name, write)


@cache
def refusing() -> Path:
    """The reversible network's folder, whose class "c" is that of other words."""

    def write(draft: Path) -> None:
        shutil.copytree(folder(), draft, dirs_exist_ok=True)
        path = draft / "architecture.json"
        architecture = json.loads(path.read_text("utf-8"))
        architecture["labels"][tiny.LABELS.index("c")] = UNKNOWN
        path.write_text(json.dumps(architecture), "utf-8")

    return kept("refusing", write)


@cache
def telling_voices() -> Path:
    """The reversible network's folder with voice.npz: a voice is some sums of the statistics."""

    def write(draft: Path) -> None:
        shutil.copytree(folder(), draft, dirs_exist_ok=True)
        w = np.random.default_rng(5).integers(-127, 128, (6, 2 * tiny.BANDS)).astype(np.int8)
        mantissa, shift = fixed.requantize_multiplier(1 / 150)
        whole = (np.full(6, value, np.int32) for value in (0, mantissa, shift))
        save_projection(Projection(w, *whole, THRESHOLD), ("somebody",), draft)

    return kept("voices", write)


def _taught(name: str) -> tuple[FloatModel, Package]:
    """A random network whose head was fitted to the tones of its labels."""
    known = examples(tiny.LABELS, 12)
    model = tiny.float_model(name)
    maps = known.features[..., None]
    hidden = np.array([forward(model, one * tiny.SCALE)["flat"] for one in maps])
    wanted = 12 * np.eye(len(tiny.LABELS))[known.labels] - 6
    inputs = np.column_stack([hidden, np.ones(len(hidden))])
    ridge = inputs.T @ inputs + 0.1 * np.eye(inputs.shape[1])
    fitted = np.linalg.solve(ridge, inputs.T @ wanted).astype(np.float32)
    head = {"logits/w": fitted[:-1], "logits/b": fitted[-1]}
    model = replace(model, weights={**model.weights, **head})
    quantized = tiny.quantize_over(model, examples(tuple(TONES), 4).features[..., None])
    ranges = {mode: tiny.gradient_ranges(quantized, mode) for mode in RANGE_MODES}
    memories = known.take(take_turns(known.labels.tolist()))
    labels = memories.labels.astype(np.int32)
    prior = measure(lower(quantized), memories.features, labels)
    knowledge = Knowledge(prior, Memories(memories.features, labels))
    return model, Package(quantized, ranges, knowledge)


def examples(words: Sequence[str], takes: int, first: int = 0) -> Examples:
    """Takes of words, of which those that are no labels get the next free classes."""
    classes = assign_classes(tiny.LABELS, words, len(TONES))
    said = [(word, take) for take in range(first, first + takes) for word in words]
    pcm = np.array([tone(word, 100 * classes[word] + take) for word, take in said])
    labels = np.array([classes[word] for word, _ in said], np.int64)
    return Examples(native.extract(tiny.AUDIO, pcm), labels)


def tone(word: str, seed: int, seconds: float = 1.0) -> Pcm:
    """A take of a word: its tone, a little out of tune, with noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(RATE * seconds)) / RATE
    sound = 6000 * np.sin(2 * np.pi * TONES[word] * rng.uniform(0.97, 1.03) * time)
    return np.asarray(sound + rng.normal(0, 300, time.size), np.int16)


def recordings(data: Path, speakers: tuple[str, ...], words: tuple[str, ...], takes: int) -> Path:
    """A data folder of tones."""
    for i, word in enumerate(words):
        (data / word).mkdir(parents=True)
        for j, speaker in enumerate(speakers):
            for take in range(takes):
                path = data / word / f"{speaker}_x_{take}.wav"
                write_wav(path, tone(word, 1000 * i + 100 * j + take))
    return data
