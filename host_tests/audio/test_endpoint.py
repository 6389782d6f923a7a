# SPDX-License-Identifier: Apache-2.0
"""Finding the word in a recording: NumPy against C, invented sounds, and real recordings."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from dataclasses import astuple
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from myna.audio import endpoint, native
from myna.audio.config import FRAME, HOP, RATE, RECORDING
from myna.audio.dataset import Clip, scan, select
from myna.audio.endpoint import SECOND, SHORTEST, Verdict
from myna.audio.features import Pcm, extract
from myna.audio.files import pad_or_trim, read_pcm
from myna.device import target
from myna.device.link import DeviceError
from myna.device.session import Board
from myna.device.target import PROJECT
from myna.project import open_project
from support.endpoint_twin import CONFIG, Twin
from support.fake_board import build, emulated

needs_compiler = pytest.mark.skipif(native.find_compiler() is None, reason="no C compiler")


@pytest.fixture(scope="module")
def twin() -> Twin:
    return Twin()


RUSTLE = 8.0


def say(*words: tuple[float, float], seconds: float = 3.0, size: float = 5000) -> Pcm:
    """Tones from … to (seconds) in a faint rustle."""
    time = np.arange(round(seconds * RATE)) / RATE
    spoken = np.any([(begin <= time) & (time < end) for begin, end in words], axis=0)
    sound = np.random.default_rng(1).normal(0, RUSTLE, time.size)
    return pcm(sound + size * spoken * np.sin(2 * np.pi * 440 * time))


def pcm(sound: npt.NDArray[np.float64]) -> Pcm:
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)


def fuzzed(seed: int) -> Pcm:
    """Any number of bursts of any length and loudness, some clipped, over any noise."""
    rng = np.random.default_rng(seed)
    count = int(
        rng.choice([0, 1, 319, 5 * HOP, 6 * HOP, RATE, RATE + 320, rng.integers(RECORDING)])
    )
    sound = rng.normal(rng.choice([0, 3000]), 10 ** rng.uniform(-1, 3.5), count)
    for _ in range(rng.integers(6)):
        start, length = rng.integers(count + 1), int(10 ** rng.uniform(1, 4.5))
        part = sound[start : start + length]
        part += rng.normal(0, 10 ** rng.uniform(0, 5), part.size)  # in place
    return pcm(sound)


# -- the twin --------------------------------------------------------------------------------------


@needs_compiler
@pytest.mark.parametrize("seed", range(300))
def test_c_finds_the_same_word(twin: Twin, seed: int) -> None:
    sound, frames = fuzzed(seed), 1 + seed % 60
    word = endpoint.listen(sound)
    expected = word, endpoint.first_frame(word, len(sound), frames)
    assert twin.listen(sound, frames, 1 + seed % 400) == expected


def test_fuzzing_reaches_every_verdict() -> None:
    assert {endpoint.listen(fuzzed(seed)).verdict for seed in range(300)} == set(Verdict)


@needs_compiler
@pytest.mark.parametrize("value", [-32768, 32767, 0])
@pytest.mark.parametrize("other", [-32768, 32767, 0])
def test_extremes_do_not_overflow(twin: Twin, value: int, other: int) -> None:
    sound = np.where(np.arange(RECORDING) % 2, value, other).astype(np.int16)
    word = endpoint.listen(sound)
    assert twin.listen(sound, 49, 64) == (word, endpoint.first_frame(word, RECORDING, 49))
    assert word.verdict is (Verdict.CLIPPED if value or other else Verdict.SILENT)


# -- levels ----------------------------------------------------------------------------------------


def test_a_level_is_a_logarithm_of_power_and_ignores_a_constant() -> None:
    tone = np.sin(2 * np.pi * np.arange(HOP) / 32)
    for size in (100, 1000, 10000):
        low, high = (endpoint.levels(pcm(x * tone))[0] for x in (size, 2 * size))
        assert abs(int(high) - int(low) - 16) <= 1  # two octaves of power
        assert endpoint.levels(pcm(size * tone + 3000))[0] == low
    ends = np.tile(np.array([-32768, 32767], np.int16), HOP // 2)
    assert endpoint.levels(ends)[0] == 8 * 29 + 7
    assert endpoint.levels(ends[:0]).size == endpoint.levels(ends[1:]).size == 0


# -- the word --------------------------------------------------------------------------------------


@pytest.mark.parametrize("begin", [0.1, 0.5, 1.33, 2.4])
@pytest.mark.parametrize("size", [200, 5000, 30000])
def test_a_word_is_found_wherever_it_is(begin: float, size: float) -> None:
    word = endpoint.listen(say((begin, begin + 0.5), size=size))
    assert word.verdict is Verdict.OK
    assert abs(word.start * HOP / RATE - begin) <= 0.02
    assert abs(word.length * HOP / RATE - 0.5) <= 0.04


def test_a_constant_in_the_recording_changes_nothing() -> None:
    sound = say((1.0, 1.5))
    assert endpoint.listen(sound + np.int16(2000)) == endpoint.listen(sound)


def test_the_closure_of_a_stop_does_not_part_a_word() -> None:
    word = endpoint.listen(say((1.0, 1.2), (1.4, 1.6)))
    assert word.verdict is Verdict.OK
    assert word.length == pytest.approx(30, abs=1)


def test_a_click_is_no_word_and_does_not_move_it() -> None:
    quiet, clicked = say((1.0, 1.5)), say((1.0, 1.5), (2.4, 2.44))
    assert endpoint.listen(clicked) == endpoint.listen(quiet)
    assert endpoint.listen(say((2.4, 2.47))).verdict is Verdict.NO_WORD


def test_a_far_fainter_sound_is_no_second_word() -> None:
    sound = say((1.0, 1.5)).astype(float) + say((2.0, 2.3), size=40)
    assert endpoint.listen(pcm(sound)).verdict is Verdict.OK


def hum(level: float, seconds: float) -> Pcm:
    return pcm(np.random.default_rng(2).normal(0, level, round(seconds * RATE)))


@pytest.mark.parametrize(
    ("sound", "verdict"),
    [
        (say((0.5, 0.9), (1.4, 1.8)), Verdict.TWO_WORDS),
        (say((0.1, 0.35), (0.7, 0.9), seconds=1), Verdict.TWO_WORDS),
        (say((0.2, 0.5), (1.2, 1.5), (2.2, 2.5)), Verdict.TWO_WORDS),
        (say((1.0, 1.5), size=30), Verdict.SILENT),
        (say((1.0, 1.5), size=300_000), Verdict.CLIPPED),
        (say((0.0, 0.4)), Verdict.CUT_OFF),
        (say((2.6, 3.0)), Verdict.CUT_OFF),
        (say((0.0, 0.4), seconds=1), Verdict.OK),  # cut to its word
        (hum(1000, 3), Verdict.NO_WORD),
        (hum(1000, 1), Verdict.OK),
        (hum(1000, SHORTEST / 50 - 0.001), Verdict.NO_WORD),
        (np.zeros(0, np.int16), Verdict.NO_WORD),
    ],
)
def test_unfit_recordings_are_told_apart(sound: Pcm, verdict: Verdict) -> None:
    assert endpoint.listen(sound).verdict is verdict


# -- the clip --------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [0, 300, 5000, 15872, RATE, SECOND * HOP + HOP - 1])
def test_a_recording_of_a_second_is_a_clip_already(samples: int) -> None:
    sound = say((0.6, 0.9), seconds=1.02)[:samples]
    clip = endpoint.cut(CONFIG, sound)
    assert np.array_equal(clip, np.pad(sound, (0, CONFIG.samples))[: CONFIG.samples])


@pytest.mark.parametrize("frames", [20, 49, 150, 199])
@pytest.mark.parametrize("begin", [0.1, 1.0, 2.5, 3.4])
def test_the_word_is_in_the_middle_of_the_clip_or_the_clip_at_an_end(
    frames: int, begin: float
) -> None:
    sound = say((begin, begin + 0.3), seconds=4)
    word = endpoint.listen(sound)
    first, last = endpoint.first_frame(word, len(sound), frames), 199 - frames
    centre = 50 * (begin + 0.15) - frames / 2
    assert first == pytest.approx(min(max(centre, 0), last), abs=2)
    assert FRAME + HOP * (first + frames - 1) <= len(sound)


# -- the board -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    folder = tmp_path_factory.mktemp("endpoint")
    elf = build(folder)
    with target.start("host", elf, folder / "nv") as port, Board.connect(port) as connected:
        yield connected


@pytest.mark.parametrize("seed", range(30))
def test_a_board_judges_and_cuts_alike(board: Board, seed: int) -> None:
    sound = fuzzed(seed)
    if not len(sound):
        return
    board.clear_clips()
    reply, word = board.upload_audio(sound, 3, 1), endpoint.listen(sound)
    assert (reply.verdict, reply.word_start, reply.word_length) == astuple(word)
    assert np.array_equal(board.get_features(3), extract(CONFIG, endpoint.cut(CONFIG, sound)))
    assert board.status().clips == (word.verdict is Verdict.OK)
    board.relabel(3, 2)
    assert board.status().clips == 1
    board.empty(3)
    assert board.status().clips == 0


@pytest.mark.qemu
def test_an_emulated_core_judges_and_cuts_alike(tmp_path: Path) -> None:
    elf = emulated("qemu_m3")
    with target.start("qemu_m3", elf, tmp_path / "nv") as port, Board.connect(port) as core:
        for seed in range(1, 13):
            if len(sound := fuzzed(seed)):
                reply = core.upload_audio(sound, 0, 0)
                word, clip = endpoint.listen(sound), endpoint.cut(CONFIG, sound)
                assert (reply.verdict, reply.word_start, reply.word_length) == astuple(word)
                assert reply.feature_crc == zlib.crc32(extract(CONFIG, clip).tobytes())


def test_a_board_tells_the_level(board: Board) -> None:
    loud = np.full(RATE, -32768, np.int16)
    loud[:100] = 32767
    loud[100:150] = 32766
    reply = board.upload_audio(loud, 0, 0)
    assert (reply.peak, reply.clipped, reply.verdict) == (32768, RATE - 50, Verdict.CLIPPED)
    reply = board.upload_audio(np.full(RATE, 31, np.int16), 0, 0)
    assert (reply.mean_square, reply.clipped, reply.verdict) == (961, 0, Verdict.SILENT)


def test_a_recording_may_last_four_seconds_and_no_longer(board: Board) -> None:
    assert board.upload_audio(say((3.0, 3.5), seconds=4), 0, 0).verdict == Verdict.OK
    with pytest.raises(DeviceError, match="too long"):
        board.upload_audio(np.zeros(RECORDING + 1, np.int16), 0, 0)


# -- real recordings -------------------------------------------------------------------------------


def rate(sounds: list[Pcm], verdict: Verdict) -> float:
    """Percent of recordings with a verdict."""
    return 100 * float(np.mean([endpoint.listen(sound).verdict is verdict for sound in sounds]))


@pytest.fixture(scope="module", params=["speech_commands", "arabic_speech_commands"])
def clips(request: pytest.FixtureRequest, data_dir: Path) -> list[Clip]:
    """Recordings of one word each, in no order."""
    return random.Random(11).sample(scan(data_dir / request.param), 3000)


def within(sound: list[Pcm], seconds: float, seed: int) -> Pcm:
    """Recordings one after the other, `seconds` apart, in a faint rustle."""
    pause = np.zeros(round(seconds * RATE))
    parts = [part for one in sound for part in (pause, one)][1:]
    whole = np.concatenate(parts)
    return pcm(whole + np.random.default_rng(seed).normal(0, RUSTLE, whole.size))


@pytest.mark.data
def test_words_are_accepted_and_pairs_of_words_are_not(clips: list[Clip]) -> None:
    spoken = [read_pcm(clip.path) for clip in clips[:600]]
    assert rate(spoken, Verdict.TWO_WORDS) <= 1
    assert rate(spoken, Verdict.OK) >= 97
    rng = np.random.default_rng(3)
    in_turn = pairwise(sorted(clips, key=lambda clip: clip.speaker))
    two = [(a, b) for a, b in in_turn if a.speaker == b.speaker and a.word != b.word][:300]
    pairs = [
        within([read_pcm(a.path), read_pcm(b.path)], rng.uniform(0.3, 0.8), seed)
        for seed, (a, b) in enumerate(two)
    ]
    assert rate(pairs, Verdict.TWO_WORDS) >= 97


@pytest.mark.data
def test_a_word_anywhere_is_classified_as_in_its_clip(data_dir: Path) -> None:
    project = open_project(PROJECT / "models" / "kws")
    audio, classify = project.package.audio, project.library().predict
    known = select(
        scan(data_dir / "speech_commands"),
        words=project.package.model.model.labels[2:12],
        split="test",
    )
    rng = np.random.default_rng(5)
    same = []
    for clip in random.Random(5).sample(known, 200):
        sound = read_pcm(clip.path)
        recording = rng.normal(0, RUSTLE, 3 * RATE)
        start = rng.integers(len(recording) - len(sound))
        recording[start : start + len(sound)] += sound
        if endpoint.listen(pcm(recording)).verdict is Verdict.OK:
            found = extract(audio, endpoint.cut(audio, pcm(recording)))
            same.append(classify(found) == classify(extract(audio, pad_or_trim(sound, RATE))))
    assert len(same) >= 190
    assert np.mean(same) >= 0.96
