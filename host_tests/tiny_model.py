# SPDX-License-Identifier: Apache-2.0
"""The small networks of `tiny` as models' folders, and recordings of words made of tones."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import tiny
from myna.audio.config import AudioConfig
from myna.audio.features import Pcm
from myna.audio.files import write_wav
from myna.device.target import PROJECT
from myna.frontend.model import save_model
from myna.pipeline import Options
from myna.quantized import RANGE_MODES, Package, save_package

RATE = 16000
HEAD = Options(train="head")
# fits the tones: the first coefficient is their level, the others span the int8 range
AUDIO = AudioConfig(
    mels=20,
    coefficients=tiny.COEFFICIENTS,
    frames=tiny.FRAMES,
    offset=(300 << 20, *(0,) * (tiny.COEFFICIENTS - 1)),
    multiplier=(1 << 17,) * tiny.COEFFICIENTS,
    scale=tiny.SCALE,
)
TONES = {"a": 300, "b": 700, "one": 1200, "two": 2500, "three": 5000}  # word: Hz


@cache
def folder(name: str = "reversible") -> Path:
    """A model's folder, with float.npz and int8.npz: labels a to d and two free classes.

    It stays under build, named after its contents, so that firmware for it is built once.
    """
    quantized = tiny.quantized(name)
    ranges = {mode: tiny.gradient_ranges(quantized, mode) for mode in RANGE_MODES}
    tests = PROJECT / "build" / "tests"
    tests.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=tests))
    model = replace(tiny.float_model(name), audio=AUDIO.to_json())
    save_model(model, draft)
    save_package(Package(replace(quantized, model=model), ranges), draft)
    contents = b"".join(path.read_bytes() for path in sorted(draft.iterdir()))
    final = tests / f"{name}-{hashlib.sha256(contents).hexdigest()[:12]}"
    try:
        draft.rename(final)  # fails where another process was faster
    except OSError:
        shutil.rmtree(draft)
    return final


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
