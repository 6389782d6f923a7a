# SPDX-License-Identifier: Apache-2.0
"""Files that are no 16 kHz mono: converted, said once for a folder, or refused."""

from __future__ import annotations

import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from myna.audio.config import RATE
from myna.audio.decode import SUFFIXES, Recording
from myna.audio.files import read_pcm
from myna.errors import MynaError, Note
from support.sounds import write_sound

SOUND = np.rint(9000 * np.sin(np.arange(2 * 48000) * 2 * np.pi * 440 / 48000)).astype(np.int16)


def likeness(path: Path) -> float:
    """How much a file is the tone that it should be: 1 is the same."""
    tone = 9000 * np.sin(np.arange(2 * RATE) * 2 * np.pi * 440 / RATE)
    pcm = read_pcm(path)
    assert abs(len(pcm) - len(tone)) <= 1
    own, other = pcm[1000 : len(tone) - 1000].astype(float), tone[1000:-1000]
    return float((own * other).sum() / max((own**2).sum(), (other**2).sum()))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_is_converted(suffix: str, channels: int, tmp_path: Path) -> None:
    path = tmp_path / f"take{suffix}"
    write_sound(path, np.stack([SOUND] * channels, 1), 48000)
    with pytest.warns(Note, match="48000 Hz"):
        assert likeness(path) > 0.9  # MP3 is not exact


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "FLOAT", "DOUBLE", "ULAW", "MS_ADPCM"])
def test_every_coding_of_samples_is_converted(subtype: str, tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    soundfile.write(path, SOUND / 32768, 48000, subtype=subtype)
    if subtype == "MS_ADPCM":  # its last block is filled up
        assert abs(len(read_pcm(path)) - 2 * RATE) < 1000
    else:
        assert likeness(path) > 0.9  # MP3 is not exact


def test_a_file_that_cannot_be_rewound_is_read(tmp_path: Path) -> None:
    path = tmp_path / "phone.wav"
    soundfile.write(path, SOUND[::6] / 32768, 8000, subtype="GSM610")
    assert abs(len(read_pcm(path)) - 2 * RATE) < 1000


def test_a_folder_is_noted_once(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for take, rate in enumerate((16000, 44100, 48000)):
            write_sound(tmp_path / folder / f"{take}.wav", SOUND, rate)
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        for path in sorted(tmp_path.rglob("*.wav")):
            read_pcm(path)
    folders = [str(tmp_path / folder) for folder in ("a", "b")]
    assert [str(one.message).split(":")[0] for one in noted] == folders
    assert "like 1.wav (44100 Hz, mono)" in str(noted[0].message)


def test_what_is_16_khz_mono_is_not_noted(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", SOUND)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(read_pcm(tmp_path / "a.wav"), SOUND)


@pytest.mark.parametrize(
    ("rate", "sound", "message"),
    [
        (4000, SOUND, "sampled at 4000 Hz"),
        (400_000, SOUND, "sampled at 400000 Hz"),
        (44100, np.stack([SOUND, -SOUND], 1), "cancel each other"),
        (44100, SOUND[:0], "too short"),
        (48000, SOUND[:9000], "0.19 s, too short"),
        (48000, 0 * SOUND, "only silence"),
        (48000, np.sign(SOUND) * 32767, "clipped throughout"),
    ],
)
def test_what_cannot_be_used_is_refused(
    rate: int, sound: np.ndarray, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "take.wav"
    write_sound(path, sound.astype(np.int16), rate)
    with pytest.raises(MynaError, match=message) as caught:
        read_pcm(path)
    assert caught.value.where == str(path)
    assert caught.value.fix


@pytest.mark.parametrize("suffix", [".aiff", ".wav", ".mp3", ".ogg"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_file_without_its_end_is_refused(share: float, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"take{suffix}"
    write_sound(path, SOUND, 48000)
    whole = path.read_bytes()
    path.write_bytes(whole[: round(share * len(whole))])
    with pytest.raises(MynaError, match=r"truncated|cannot be read"):
        read_pcm(path)


@pytest.mark.parametrize("kind", ["RF64", "WAV", "AIFF", "OGG"])
def test_a_file_without_its_end_is_refused_before_any_of_it_is_used(
    kind: str, tmp_path: Path
) -> None:
    """Hours would be listened to before its end."""
    path = tmp_path / "long"
    soundfile.write(path, SOUND, 48000, format=kind)
    assert sum(map(len, Recording(path).pieces()))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(MynaError, match="is truncated"):
        Recording(path)


def test_a_long_recording_that_is_clipped_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    soundfile.write(path, SOUND.astype(float), 48000, subtype="FLOAT")  # as if 1 was a step
    with pytest.raises(MynaError, match="clipped throughout"):
        list(Recording(path).pieces())


def test_no_channels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    write_sound(path, SOUND)
    head = bytearray(path.read_bytes())
    head[22:24] = b"\0\0"
    path.write_bytes(head)
    with pytest.raises(MynaError, match="cannot be read as audio"):
        read_pcm(path)


def test_long_files_are_read_piece_by_piece(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    with soundfile.SoundFile(path, "w", 44100, 2) as file:
        for _ in range(60):
            file.write(np.stack([SOUND, SOUND], 1))
    tracemalloc.start()
    samples = sum(map(len, Recording(path).pieces()))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert abs(samples - 60 * len(SOUND) * RATE / 44100) <= 1
    assert most < 8e6  # all of it takes 46 MB as floats


@pytest.mark.data
def test_recordings_are_what_they_were(data_dir: Path) -> None:
    """Read at once and without a converter, 16 kHz mono gives the same samples."""
    paths = [*data_dir.rglob("*.flac"), *data_dir.rglob("*.opus")][::400]
    assert len(paths) > 20
    for path in paths:
        whole = soundfile.read(path, dtype="float32")[0]
        expected = np.rint(whole * 32768).clip(-32768, 32767).astype(np.int16)
        np.testing.assert_array_equal(np.concatenate([*Recording(path).pieces()]), expected)
