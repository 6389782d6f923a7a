# SPDX-License-Identifier: Apache-2.0
"""Sound files, data folders and synthetic speech."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from myna.audio import dataset, files, synth
from myna.audio.config import RATE
from myna.audio.decode import SUFFIXES
from myna.errors import MynaError
from support.sounds import write_sound

RANDOM = np.random.default_rng(3)
SPEECH = np.rint(RANDOM.normal(0, 3000, RATE)).astype(np.int16)
needs_espeak = pytest.mark.skipif(
    importlib.util.find_spec("espeakng_loader") is None, reason="espeakng-loader is not installed"
)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_reads_what_was_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_sound(path, SPEECH)
    np.testing.assert_array_equal(files.read_pcm(path), SPEECH)


def test_writes_what_it_reads(tmp_path: Path) -> None:
    files.write_wav(tmp_path / "a.wav", SPEECH)
    np.testing.assert_array_equal(files.read_pcm(tmp_path / "a.wav"), SPEECH)


def _write(pcm: np.ndarray, rate: int = RATE) -> Callable[[Path], None]:
    return lambda path: write_sound(path, pcm, rate)


def _truncated(path: Path) -> None:
    write_sound(path, SPEECH)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 5 // 8])


SQUARE = np.where(np.arange(RATE) % 2, 32767, -32768).astype(np.int16)
BAD_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "no such file"),
    "folder": (Path.mkdir, "is a folder"),
    "pipe": (os.mkfifo, "is no file but a pipe or a device"),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "text": (lambda path: path.write_text("RIFF, but not really audio"), "cannot be read as audio"),
    "truncated": (_truncated, r"truncated|cannot be read as audio"),
    "no_samples": (_write(SPEECH[:0]), r"too short|is empty|cannot be read as audio"),
    "too_short": (_write(SPEECH[:1000]), "too short"),
    "zeros": (_write(np.zeros(RATE, np.int16)), "only silence"),
    "clipped": (_write(SQUARE), "clipped"),
}


LOSSLESS = {".aif", ".aiff", ".flac", ".wav"}  # others do not keep what is at full scale


@pytest.mark.parametrize(
    ("name", "suffix"),
    [(n, s) for n in BAD_FILES for s in SUFFIXES if n != "clipped" or s in LOSSLESS],
)
def test_bad_files_are_named_with_a_remedy(tmp_path: Path, name: str, suffix: str) -> None:
    make, message = BAD_FILES[name]
    path = tmp_path / f"{name}{suffix}"
    make(path)
    with pytest.raises(MynaError, match=message) as caught:
        files.read_clip(path)
    assert caught.value.where == str(path)
    assert caught.value.fix


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_constant_is_silence(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_sound(path, np.full(RATE, 900, np.int16))
    with pytest.raises(MynaError, match="only silence"):
        files.read_pcm(path)


def test_short_clips_are_padded_at_the_end() -> None:
    fitted = files.pad_or_trim(SPEECH[:10000], RATE)
    np.testing.assert_array_equal(fitted[:10000], SPEECH[:10000])
    assert not fitted[10000:].any()


@pytest.mark.parametrize("start", [0, 12345, 2 * RATE])
def test_long_clips_keep_their_loudest_second(start: int) -> None:
    sound = np.zeros(3 * RATE, np.int16)
    sound[start : start + RATE] = SPEECH
    np.testing.assert_array_equal(files.pad_or_trim(sound, RATE), SPEECH)


def _folder(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(exist_ok=True)
        write_sound(root / name, SPEECH)
    return root


@pytest.mark.parametrize(
    ("name", "speaker", "take"),
    [
        ("0a1b_nohash_3", "0a1b", 3),
        ("00000005_NO_10", "00000005", 10),
        ("anna_104", "anna", 104),
        ("anna", "anna", 0),
        ("bob_take2_final", "bob", 2),
    ],
)
def test_file_names_tell_speaker_and_take(name: str, speaker: str, take: int) -> None:
    clip = dataset.describe(Path("data", "yes", f"{name}.flac"))
    assert (clip.word, clip.speaker, clip.take) == ("yes", speaker, take)


def test_scan_finds_recordings_only_and_sorts_them(tmp_path: Path) -> None:
    _folder(tmp_path, "yes/b_1.wav", "yes/a_10.opus", "yes/a_2.wav", "no/a_0.flac", "_noise/x.wav")
    (tmp_path / "yes" / "notes.txt").write_text("not audio")
    (tmp_path / "yes" / ".hidden.wav").write_bytes(b"")
    found = [(clip.word, clip.speaker, clip.take) for clip in dataset.scan(tmp_path)]
    assert found == [("no", "a", 0), ("yes", "a", 2), ("yes", "a", 10), ("yes", "b", 1)]


def test_folders_without_recordings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MynaError, match="no recordings"):
        dataset.scan(tmp_path)
    with pytest.raises(MynaError, match="no such data folder"):
        dataset.scan(tmp_path / "missing")


def test_select_combines_conditions(tmp_path: Path) -> None:
    clips = dataset.scan(_folder(tmp_path, "yes/a_1.wav", "yes/b_1.wav", "no/a_1.wav"))
    chosen = dataset.select(clips, words=["yes"], speakers=["a"])
    assert [clip.path.name for clip in chosen] == ["a_1.wav"]
    assert dataset.select(clips) == clips


@pytest.mark.parametrize("condition", [{"words": ["maybe"]}, {"speakers": ["zoe"]}])
def test_select_names_what_is_absent(tmp_path: Path, condition: dict[str, list[str]]) -> None:
    clips = dataset.scan(_folder(tmp_path, "yes/a_1.wav"))
    with pytest.raises(MynaError, match=r"maybe|zoe"):
        dataset.select(clips, **condition)


@pytest.mark.parametrize(
    ("speaker", "split"),
    [  # models were trained on these parts: a speaker must never change sides
        ("026290a7", "train"),
        ("060cd039", "validation"),
        ("bb05582b", "train"),
        ("0c40e715", "train"),
        ("004ae714", "train"),
        ("00000001", "validation"),
        ("ferdinand", "train"),
    ],
)
def test_split_never_changes(speaker: str, split: str) -> None:
    assert dataset.split_of(speaker) == split


def test_split_has_the_stated_proportions() -> None:
    splits = [dataset.split_of(f"speaker{n}") for n in range(20000)]
    assert splits.count("validation") / len(splits) == pytest.approx(0.1, abs=0.01)
    assert splits.count("test") / len(splits) == pytest.approx(0.1, abs=0.01)


def test_unusable_recordings_are_left_out_and_told(tmp_path: Path) -> None:
    _folder(tmp_path, "yes/a_1.wav", "yes/a_2.wav")
    files.write_wav(tmp_path / "yes" / "a_3.wav", np.zeros(RATE, np.int16))
    kept, sounds, problems = dataset.read_usable(dataset.scan(tmp_path))
    assert [clip.take for clip in kept] == [1, 2]
    assert sounds.shape == (2, RATE)
    assert [Path(problem.where).name for problem in problems] == ["a_3.wav"]


def test_nothing_usable_is_an_error(tmp_path: Path) -> None:
    _folder(tmp_path, "yes/a_1.wav")
    (tmp_path / "yes" / "a_1.wav").write_bytes(b"")
    with pytest.raises(MynaError, match="empty"):
        dataset.read_usable(dataset.scan(tmp_path))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_noises_lie_beside_or_in_the_data_folder(suffix: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    assert dataset.read_noises(data) == {}
    long = np.tile(SPEECH, 3)
    for folder, name in ((tmp_path / "background_noise", "tap"), (data / "_background_noise_", "")):
        folder.mkdir()
        write_sound(folder / f"{name or 'fan'}{suffix}", long)
        write_sound(folder / f"{name or 'fan'}_short{suffix}", SPEECH)
    assert sorted(dataset.read_noises(data)) == ["fan", "tap"]


@pytest.mark.data
def test_recorded_collections_are_readable(data_dir: Path) -> None:
    clips = dataset.scan(data_dir / "speech_commands")
    assert len({clip.word for clip in clips}) == 35
    kept, sounds, _ = dataset.read_usable(clips[::40])
    assert len(kept) >= 0.99 * len(clips[::40])
    assert sounds.any(axis=1).all()


@pytest.mark.parametrize("hz", [300, 2000, 6000])
def test_resampling_keeps_tones(hz: int) -> None:
    tone = np.rint(10000 * np.sin(2 * np.pi * hz * np.arange(22050) / 22050)).astype(np.int16)
    expected = 10000 * np.sin(2 * np.pi * hz * np.arange(RATE) / RATE)
    got = synth.resample(tone)
    assert len(got) == RATE
    assert np.abs(got[200:-200] - expected[200:-200]).max() < 30


def test_resampling_removes_what_cannot_be_represented() -> None:
    tone = np.rint(10000 * np.sin(2 * np.pi * 9500 * np.arange(22050) / 22050)).astype(np.int16)
    assert np.abs(synth.resample(tone)[200:-200]).max() < 30


def test_trim_keeps_the_word_and_a_margin() -> None:
    sound = np.concatenate([np.zeros(5000, np.int16), SPEECH[:8000], np.zeros(5000, np.int16)])
    trimmed = synth.trim(sound)
    assert 8000 <= len(trimmed) <= 8000 + 2 * RATE // 100 + 1
    assert len(synth.trim(np.zeros(100, np.int16))) == 100


def test_voices_differ() -> None:
    assert len(set(synth.voices(60))) == 60
    assert synth.voices(10) == synth.voices(60)[:10]


@needs_espeak
def test_synthetic_speakers_speak() -> None:
    voices = synth.voices(3)
    sounds = synth.speak([(word, voice) for voice in voices for word in ("stop", "yesterday")])
    assert len(sounds) == 6
    for short, long in zip(sounds[0::2], sounds[1::2], strict=True):
        assert short.dtype == np.int16
        assert RATE // 5 < len(short) < len(long) < 2 * RATE
        assert np.abs(short.astype(int)).max() > 3000


@needs_espeak
def test_unknown_voices_are_refused() -> None:
    with pytest.raises(MynaError, match="cannot speak 'yes' with voice 'martian'"):
        synth.speak([("yes", synth.Voice("martian"))])


def test_missing_library_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "espeakng_loader.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(MynaError, match="not installed") as caught:
        synth.speak([("yes", synth.Voice("en"))])
    assert "pip install" in caught.value.fix


# -- what a model heard ----------------------------------------------------------------------------


def test_what_was_heard_survives_the_file(tmp_path: Path) -> None:
    assert dataset.Heard.load(tmp_path) == dataset.Heard()
    clips = [
        dataset.Clip(word, speaker, 0, Path(word, speaker))
        for word, speaker in (("كتاب", "p"), ("ab", "q"), ("ab", "p"))
    ]
    heard = dataset.Heard.of(clips)
    assert heard == dataset.Heard(("p", "q"), ("ab", "كتاب"))
    heard.save(tmp_path)
    assert dataset.Heard.load(tmp_path) == heard


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"speakers": [], "words": 3}', "\udcff"])
def test_a_damaged_list_of_what_was_heard_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / dataset.HEARD
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(MynaError, match="does not tell what the model heard") as raised:
        dataset.Heard.load(tmp_path)
    assert str(path) in str(raised.value)
