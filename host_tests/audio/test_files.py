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
from support.sounds import write_sound

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


@pytest.mark.parametrize("samples", [RATE // 2, RATE, 3 * RATE + 37])
def test_opus_starts_and_ends_where_the_sound_did(samples: int, tmp_path: Path) -> None:
    path = tmp_path / "take.opus"
    click = np.zeros(samples, np.int16)
    click[samples // 2 :][:20] = 20000
    write_sound(path, click)
    read = read_pcm(path)
    assert (read.dtype, read.size) == (np.int16, samples)
    assert abs(int(np.abs(read.astype(int)).argmax()) - samples // 2 - 10) <= 16  # a millisecond


@pytest.mark.parametrize("subtype", ["OPUS", "VORBIS"])
def test_what_an_ogg_decoder_exceeds_full_scale_by_is_cut(subtype: str, tmp_path: Path) -> None:
    """Whatever the container's codec is: its content tells, not the suffix."""
    path = tmp_path / "loud.opus"
    loudness = np.where(np.arange(RATE) // 4000 % 2, 32767, 20000)  # speech would not overshoot
    loud = (np.sign(SOUND) * loudness).astype(np.int16)
    soundfile.write(path, loud, RATE, format="OGG", subtype=subtype)
    decoded = soundfile.read(path)[0]
    assert decoded.max() > 1.0
    assert decoded.min() < -1.0
    expected = np.rint(decoded * 32768).clip(-32768, 32767)
    np.testing.assert_array_equal(read_pcm(path), expected)


def _ogg_cuts(whole: bytes) -> dict[str, int]:
    """Lengths at which a file of three seconds ends too early; libsndfile reads it all the same."""
    last = whole.rindex(b"OggS")
    return {
        "before the last page": last,
        "in its magic": last + 2,
        "in its header": last + 20,
        "in its sizes": last + 30,
        "in its sound": (last + len(whole)) // 2,
        "by a byte": len(whole) - 1,
    }


@pytest.mark.parametrize("subtype", ["OPUS", "VORBIS"])
@pytest.mark.parametrize("where", _ogg_cuts(b"OggS"))
def test_an_ogg_file_without_its_end_is_refused(subtype: str, where: str, tmp_path: Path) -> None:
    path = tmp_path / "take.opus"
    noise = np.random.default_rng(1).normal(0, 3000, 3 * RATE).astype(np.int16)
    soundfile.write(path, noise, RATE, format="OGG", subtype=subtype)
    whole = path.read_bytes()
    assert read_pcm(path).size == noise.size
    path.write_bytes(whole[: _ogg_cuts(whole)[where]])
    with pytest.raises(MynaError, match="is truncated"):
        read_pcm(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_wav_file_without_its_end_is_refused(share: float, tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    write_wav(path, SOUND)
    whole = path.read_bytes()
    path.write_bytes(whole[: round(share * len(whole))])
    with pytest.raises(MynaError, match="is truncated"):
        read_pcm(path)


def test_a_file_that_is_no_sound_is_told_what_would_be(tmp_path: Path) -> None:
    path = tmp_path / "take.opus"
    path.write_bytes(b"OggS, but not really audio")
    with pytest.raises(MynaError, match="cannot be read as audio") as caught:
        read_pcm(path)
    assert "WAV, FLAC, Opus" in str(caught.value.fix)


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
    size = 2 * RATE * (LONGEST + 1)
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
