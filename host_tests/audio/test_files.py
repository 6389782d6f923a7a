# SPDX-License-Identifier: Apache-2.0
"""Whatever the samples of a file are stored as, they mean the same sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from myna.audio.config import RATE
from myna.audio.files import LONGEST, read_pcm, read_recording, write_wav
from myna.errors import MynaError

SOUND = np.rint(9000 * np.sin(np.arange(RATE) * 0.05)).astype(np.int16)
STEPS = {  # subtype: by how many steps a sample may differ
    "PCM_U8": 256,
    "PCM_16": 0,
    "PCM_24": 1,
    "PCM_32": 1,
    "FLOAT": 0,
    "DOUBLE": 0,
    "ULAW": 300,
}


@pytest.mark.parametrize("subtype", STEPS)
def test_a_sample_means_what_it_says(subtype: str, tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    soundfile.write(path, SOUND / 32768, RATE, subtype=subtype)
    read = read_pcm(path)
    assert read.dtype == np.int16
    assert np.abs(read.astype(int) - SOUND).max() <= STEPS[subtype]


def test_what_floats_exceed_full_scale_by_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    sound = SOUND / 32768
    sound[100:103] = 1.0, 1.5, -2.0
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    assert read_pcm(path)[100:103].tolist() == [32767, 32767, -32768]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(value: float, tmp_path: Path) -> None:
    path = tmp_path / "odd.wav"
    sound = SOUND / 32768
    sound[5] = value
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    with pytest.raises(MynaError, match="no numbers"):
        read_pcm(path)


def test_hours_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "day.wav"
    size = 2 * (LONGEST + 1)
    soundfile.write(path, SOUND, RATE, subtype="PCM_16")
    head = bytearray(path.read_bytes()[:44])
    head[4:8], head[40:44] = (n.to_bytes(4, "little") for n in (size + 36, size))
    with path.open("wb") as file:  # a file full of holes takes no space
        file.write(head)
        file.truncate(44 + size)
    with pytest.raises(MynaError, match="more than an hour"):
        read_pcm(path)


@pytest.mark.parametrize("seconds", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("loudness", [100, 3000, 12000])
@pytest.mark.parametrize("around", [0, 8000])
def test_white_noise_is_no_take(seconds: float, loudness: int, around: int, tmp_path: Path) -> None:
    """Alone, or as a burst in silence; as a background it may be, and a tone in it is a sound."""
    noise = np.random.default_rng(1).normal(0, loudness, round(seconds * RATE))
    sound = np.pad(noise, around).clip(-32768, 32767)
    path = tmp_path / "noise.wav"
    write_wav(path, sound.astype(np.int16))
    assert read_pcm(path).any()
    with pytest.raises(MynaError, match="is noise without a word"):
        read_recording(path)
    tone = 2 * loudness * np.sin(np.arange(sound.size) * 0.2)
    write_wav(path, (sound + tone).clip(-32768, 32767).astype(np.int16))
    assert read_recording(path).size == sound.size
