# SPDX-License-Identifier: Apache-2.0
"""The protocol stream: words in long sound, on recordings of tones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from myna.audio.files import write_wav
from myna.cli import cli
from myna.engines.library import HostLibrary
from myna.errors import MynaError
from myna.evaluation.engine import STREAM, CoreEngine, EngineSpec
from myna.evaluation.sound import Clock, Head, groups, hear
from myna.passes.pipeline import Options
from myna.passes.streaming.stream import stream
from support import tiny, tiny_model

WORDS = ("one", "two")
SPEAKERS = ("anna", "ben", "carl", "dora")
STREAMING = Options(train="head", streaming=True)


@pytest.fixture(scope="module")
def engine() -> Any:
    with EngineSpec(STREAM, tiny_model.folder(), STREAMING).open() as opened:
        assert isinstance(opened, CoreEngine)
        yield opened


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Words, each in a silence of its own, and other sound."""
    root = tmp_path_factory.mktemp("stream")
    data, rest = root / "data", root / "rest" / "deep"
    rest.mkdir(parents=True)
    for i, word in enumerate(WORDS):
        (data / word).mkdir(parents=True)
        for j, speaker in enumerate(SPEAKERS):
            for take in range(4):
                seed = 1000 * i + 100 * j + take
                tone = tiny_model.tone(word, seed, 0.4)
                silence = np.random.default_rng(seed).normal(0, 8, (2, 8000)).astype(np.int16)
                sound = np.concatenate([silence[0], tone, silence[1]])
                write_wav(data / word / f"{speaker}_x_{take}.wav", sound)
    for i in range(4):
        parts = [tiny_model.tone("abc"[k % 3], 70 + 10 * i + k, 1.5) for k in range(8)]
        write_wav(rest / f"{i}.wav", np.concatenate(parts))
    return data, root / "rest"


def run(places: tuple[Path, Path], tmp_path: Path, *options: str) -> dict[str, Any]:
    data, rest = places
    result = tmp_path / "result.json"
    command = ["evaluate", str(tiny_model.folder()), "--protocol", "stream", "--jobs", "1"]
    command += ["--data", str(data), "--new-words", ",".join(WORDS), "--shots", "2"]
    command += ["--negatives", str(rest), "--json", str(result), *options]
    done = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(result.read_text("utf-8"))
    return found


# -- what is heard ---------------------------------------------------------------------------------


def test_heads_say_what_the_core_says(engine: CoreEngine) -> None:
    assert isinstance(engine.core, HostLibrary)
    engine.reset()
    pcm = np.concatenate([tiny_model.tone(word, 5) for word in ("a", "one", "b", "c")])
    sound = hear(engine, pcm)
    head = Head(engine.core)
    streamed = list(engine.core.stream(stream(engine.core.program.graph)).push(pcm))
    classes = engine.core.classes
    np.testing.assert_array_equal(head.logits(sound.stream), np.array(streamed)[:, :classes])
    windows = [pcm[at : at + tiny.AUDIO.samples] for at in range(0, len(pcm), 3200)]
    whole = np.array([w for w in windows if len(w) == tiny.AUDIO.samples])
    from myna.audio import native  # noqa: PLC0415

    judged = engine.judge(native.extract(tiny.AUDIO, whole))
    assert len(sound.windows) == len(whole)
    for word in range(classes):
        expected = np.where(judged.labels == word, judged.confidences, -(2**31))
        np.testing.assert_array_equal(head.confidences(sound.windows, word), expected)


def test_the_clock_tells_when_a_decision_is_made(engine: CoreEngine) -> None:
    clock = Clock.of(stream(engine.core.program.graph), tiny.AUDIO)
    times = clock.streamed(5)
    for count, before in ((1, times[0] - 1), (1, times[0]), (5, times[4])):
        heard = hear(engine, np.zeros(int(before), np.int16))
        assert len(heard.stream) == count - (before < times[0])
    assert clock.single(2).tolist() == [tiny.AUDIO.samples, tiny.AUDIO.samples + 3200]


# -- the protocol ----------------------------------------------------------------------------------


def test_users_are_examined_on_their_other_takes(places: tuple[Path, Path], tmp_path: Path) -> None:
    found = run(places, tmp_path)
    assert found["speakers"] == list(SPEAKERS)
    assert found["positives"] == len(WORDS) * len(SPEAKERS) * 2
    assert found["negative_hours"] == pytest.approx(4 * 8 * 1.5 / 3600)
    assert set(found["misses_at_fa_per_hour"]) == {"0.1", "0.5", "1"}
    assert found["before"] is None
    assert found["calibrated"] is None
    assert set(found["per_word"]) == set(WORDS)
    assert found["misses_at_fa_per_hour"]["0.5"]["mean"] <= 25
    assert 0 < found["latency_ms"]["median"] <= found["latency_ms"]["p95"] < 3000


def test_others_enroll_and_words_are_in_noise(places: tuple[Path, Path], tmp_path: Path) -> None:
    found = run(places, tmp_path, "--across-speakers", "--noise", str(places[1]), "--snr", "20")
    assert found["speakers"] == [f"draw {i}" for i in range(1, 6)]
    assert found["positives"] == 5 * len(WORDS) * 2 * 4  # two people of four are left
    assert (found["noise"], found["snr"]) == ("rest", 20.0)


def test_a_known_word_is_examined_before_as_well(places: tuple[Path, Path], tmp_path: Path) -> None:
    data, rest = tiny_model.recordings(tmp_path / "known", SPEAKERS, ("a",), 4), places[1]
    found = run((data, rest), tmp_path, "--new-words", "a")
    assert set(found["before"]["misses_at_fa_per_hour"]) == {"0.1", "0.5", "1"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--shots", "9"), "more than 9 clear takes"),
        (("--shots", "4", "--across-speakers"), "4 are to enroll"),
        (("--engine", "reference"), "in this process alone"),
        (("--base-data", "x"), "does nothing"),
    ],
)
def test_what_is_impossible_is_said(
    places: tuple[Path, Path], tmp_path: Path, options: Sequence[str], message: str
) -> None:
    with pytest.raises(MynaError, match=message):
        run(places, tmp_path, *options)


def test_a_broken_link_is_left_out(places: tuple[Path, Path], tmp_path: Path) -> None:
    for path in sorted(places[1].rglob("*.wav")):
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "9.wav").symlink_to(tmp_path / "nowhere.wav")
    (paths,) = groups(tmp_path)
    assert [path.name for path in paths] == ["0.wav", "1.wav", "2.wav", "3.wav", "9.wav"]


def test_folders_of_sound_are_searched_through(places: tuple[Path, Path], tmp_path: Path) -> None:
    (paths,) = groups(places[1])
    assert [path.name for path in paths] == ["0.wav", "1.wav", "2.wav", "3.wav"]
    with pytest.raises(MynaError, match="no recordings"):
        groups(tmp_path)
