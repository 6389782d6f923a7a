# SPDX-License-Identifier: Apache-2.0
"""The front end on every core: each variant of its arithmetic gives the reference's bits.

Powers and mel energies are compared as they are: features are too coarse to show a wrong last bit.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import serial
from myna.audio import features
from myna.audio.config import FRAME
from myna.audio.synth import speak, voices
from myna.audio.tables import make_tables
from myna.device import pio, target
from support import fake_board
from support.pairs import emulated

PROBE = Path(__file__).with_name("audio_probe.c")
FLAGS = ("-Wl,--wrap=myna_server_init", "-Wl,--wrap=myna_server_poll")
CORES = ["host", *emulated()]
LOW, HIGH = -32768, 32767
# an odd number of bands, to leave a remainder however many are taken at a time
CONFIG = replace(fake_board.AUDIO, mels=37, multiplier=(1 << 17,) * 10)
BINS, MELS = FRAME // 2, CONFIG.mels + 1  # the last energy is of all bins but the first, times 255


def _frames() -> np.ndarray:
    """int16 [n, 512]: the extremes, every period and phase that the stages tell apart, speech."""
    random, n = np.random.default_rng(1), np.arange(FRAME)
    frames = [np.zeros(FRAME), np.full(FRAME, LOW), np.full(FRAME, HIGH), np.ones(FRAME)]
    frames += [np.where(n >> bit & 1, HIGH, LOW) for bit in range(9)]  # squares
    frames += [np.where(n == at, LOW, 0) for at in (1, 2, 127, 255, 256, 257, 510, 511)]
    frames += [np.rint(HIGH * np.cos(np.pi * n * k / 256 + k)) for k in (0, 1, 2, 63, 64, 128, 255)]
    # the signs of a tone: the loudest that a bin can get
    frames += [np.where(np.cos(np.pi * n * k / 256 + 0.3) > 0, HIGH, LOW) for k in (3, 77, 128)]
    frames += [random.integers(LOW, HIGH + 1, FRAME) for _ in range(8)]
    frames += [random.choice([LOW, HIGH], FRAME) for _ in range(8)]
    frames += [random.integers(-level, level + 1, FRAME) for level in (1, 3, 10, 100, 1000)]
    (word,) = speak([("seven", voices(1)[0])])
    spoken = word[: len(word) // FRAME * FRAME].reshape(-1, FRAME)
    return np.concatenate([np.array(frames, np.int16), spoken[:12]])


def _expected(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Powers [n, 256], mel energies [n, mels + 1] and features [n, features]."""
    tables = make_tables(CONFIG)
    windowed = frames.astype(np.int64) * tables.window
    power = features._power(*features._fft(windowed, tables.twiddle.astype("i8")), tables.twiddle)
    weight = np.split(tables.mel_weight.astype(np.int64), np.cumsum(tables.mel_count)[:-1])
    spans = zip(tables.mel_first, weight, strict=True)
    energy = [power[:, first : first + len(w)] @ w for first, w in spans]
    rows = [features.extract(replace(CONFIG, frames=1), frame)[0] for frame in frames]
    return power, np.stack([*energy, 255 * power[:, 1:].sum(1)], 1), np.array(rows)


@pytest.mark.parametrize("core", CORES)
def test_every_core_computes_the_same(core: str, tmp_path: Path) -> None:
    model = fake_board.generated(tmp_path / "model", audio=CONFIG)
    shutil.copy(PROBE, model)
    image = pio.build(core, model, tmp_path / "build", FLAGS)
    frames = _frames()
    assert np.abs(frames.astype(int)).max() == -LOW
    answers = []
    with target.start(core, image.elf) as port, serial.Serial(port, timeout=20) as link:
        for frame in frames:
            link.write(frame.tobytes())
            answers.append(link.read(8 * (BINS + MELS) + CONFIG.features))
    power, energy, rows = _expected(frames)
    for index, answer in enumerate(answers):
        wide = np.frombuffer(answer, "<u8", BINS + MELS)
        np.testing.assert_array_equal(wide[:BINS], power[index], f"powers of frame {index}")
        np.testing.assert_array_equal(wide[BINS:], energy[index], f"energies of frame {index}")
        row = np.frombuffer(answer, np.int8, offset=8 * (BINS + MELS))
        np.testing.assert_array_equal(row, rows[index], f"features of frame {index}")
