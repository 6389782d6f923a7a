# SPDX-License-Identifier: Apache-2.0
"""Whatever the samples of a file are stored as, they mean the same sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from myna.audio.config import RATE
from myna.audio.files import LONGEST, read_pcm
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
