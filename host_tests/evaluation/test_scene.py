# SPDX-License-Identifier: Apache-2.0
"""Scenes hold every word where they say, and events are scored by that."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from myna.audio.config import RATE
from myna.audio.files import read_pcm, write_wav
from myna.cli import cli
from myna.errors import MynaError
from myna.evaluation import scene, scene_board, stream_tasks
from myna.evaluation.engine import STREAM, EngineSpec
from myna.evaluation.sound import hear
from myna.learn.detect import STRIDE
from myna.package.negatives import StoredNegatives
from myna.package.package import load_package
from myna.passes.pipeline import Options
from myna.project import open_project
from myna.sessions.stream import BoardListening
from support import tiny_model

SILENCE = np.zeros(4000, np.int16)


def tones(*frequencies: int) -> list[np.ndarray]:
    """A second of each, in silence."""
    times = np.arange(RATE) / RATE
    waves = [9000 * np.sin(2 * np.pi * f * times) for f in frequencies]
    return [np.concatenate([SILENCE, wave.astype(np.int16), SILENCE]) for wave in waves]


def strength(pcm: np.ndarray, frequency: int) -> float:
    """Of a tone in a sound."""
    turning = np.exp(-2j * np.pi * frequency * np.arange(len(pcm)) / RATE)
    return float(abs(np.mean(pcm * turning)))


@pytest.fixture(scope="module")
def recording() -> scene.Recording:
    speech, music = (tones(f)[0][4000:-4000] for f in (500, 3000))
    return scene.build(tones(1000, 1500), speech, music, 1)


# -- how it is built -------------------------------------------------------------------------------


def test_words_are_where_they_are_said_to_be(recording: scene.Recording) -> None:
    assert len(recording.words) == scene.WORDS
    assert recording.pcm.shape == (20 * 60 * RATE,)
    own = [max(strength(recording.pcm[a:b], f) for f in (1000, 1500)) for a, b in recording.words]
    between = [
        max(strength(recording.pcm[b : b + 8000], f) for f in (1000, 1500))
        for _, b in recording.words
    ]
    assert min(own) > 10 * max(between)


def test_words_are_trimmed_apart_and_over_before_the_second_half(
    recording: scene.Recording,
) -> None:
    starts = np.array([start for start, _ in recording.words])
    lengths = {end - start for start, end in recording.words}
    assert all(abs(length - RATE) < 30 for length in lengths)  # silence is no part of them
    assert np.diff(starts).min() >= 2.5 * RATE
    assert starts[-1] == 570 * RATE


def test_parts_hold_what_they_are_to_hold(recording: scene.Recording) -> None:
    def heard(second: int) -> tuple[float, float]:
        part = recording.pcm[second * RATE : (second + 2) * RATE]
        return strength(part, 500), strength(part, 3000)

    first = recording.pcm[: recording.words[0][0]]
    assert not first.any()
    assert heard(580)[1] > 100 * heard(580)[0]  # music
    assert heard(700)[0] > 100 * heard(700)[1]  # somebody speaks
    assert heard(800)[0] == pytest.approx(heard(800)[1], rel=0.01)  # both
    assert heard(1000)[0] > 100 * heard(1000)[1]


def test_each_word_is_said_in_turn_and_a_seed_draws_the_rest() -> None:
    words, sound = tones(1000, 1500, 2000), tones(500)[0]
    one, same, other = (scene.build(words, sound, sound, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.pcm, same.pcm)
    assert one.words != other.words
    said = [
        int(np.argmax([strength(one.pcm[a:b], f) for f in (1000, 1500, 2000)]))
        for a, b in one.words
    ]
    assert sorted(np.bincount(said)) == [16, 17, 17]


def test_silence_is_refused() -> None:
    with pytest.raises(MynaError, match="silence"):
        scene.build(tones(1000), np.zeros(RATE, np.int16), tones(500)[0], 1)


# -- how it is scored ------------------------------------------------------------------------------


def test_events_beside_words_are_false() -> None:
    words = ((10 * RATE, 11 * RATE), (20 * RATE, 21 * RATE))
    found = scene.score(words, [9 * RATE, 11 * RATE + RATE // 2, 23 * RATE, 23 * RATE + 1])
    assert (found.false_accepts, found.misses) == (2, 0)
    assert found.latencies_ms == (500.0, 2000.0)
    assert scene.score(words, []) == scene.Score(0, 2, ())


def test_means_and_limits_are_told() -> None:
    found = scene.summarize([scene.Score(8, 8, (100.0,)), scene.Score(0, 9, ())])
    assert (found["false_accepts"]["mean"], found["misses"]["mean"]) == (4, 8.5)
    assert found["within_limit"] == 1
    assert found["latency_ms"] == {"median": 100, "p95": 100}
    assert found["per_scene"][1] == {"false_accepts": 0, "misses": 9}


# -- the command -----------------------------------------------------------------------------------


def evaluate(folder: Path, model: Path, *options: str) -> Result:
    command = ["evaluate", str(model), "--protocol", "scene", "--shots", "2", "--jobs", "1"]
    command += ["--data", str(folder / "data"), "--negatives", str(folder / "rest"), *options]
    return CliRunner().invoke(cli, command)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A word by four people, and other sound."""
    folder = tmp_path_factory.mktemp("scene")
    (folder / "data" / "one").mkdir(parents=True)
    (folder / "rest").mkdir()
    for i, speaker in enumerate(("anna", "ben", "carl", "dora")):
        silence = np.random.default_rng(i).normal(0, 8, (2, 8000)).astype(np.int16)
        sound = np.concatenate([silence[0], tiny_model.tone("one", i, 0.4), silence[1]])
        write_wav(folder / "data" / "one" / f"{speaker}_x_0.wav", sound)
    parts = [tiny_model.tone("abc"[k % 3], k, 1.5) for k in range(20)]
    write_wav(folder / "rest" / "0.wav", np.concatenate(parts))
    return folder


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--new-words", "one"), "--noise"),
        (("--noise", "rest"), "--new-words"),
        (("--noise", "rest", "--new-words", "one,two"), "--new-words"),
        (("--noise", "rest", "--new-words", "one"), "myna negatives"),
        (("--noise", "rest", "--new-words", "one", "--engine", "float"), "--engine host"),
        (("--noise", "rest", "--new-words", "one", "--engine", "abacus"), "qemu_m4"),
        (("--noise", "rest", "--new-words", "one", "--snr", "3"), "--snr does nothing"),
    ],
)
def test_what_is_missing_is_named(sounds: Path, options: tuple[str, ...], said: str) -> None:
    model = tiny_model.folder()
    done = evaluate(sounds, model, *(str(sounds / o) if o == "rest" else o for o in options))
    assert isinstance(done.exception, MynaError)
    assert said in str(done.exception)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has stored negatives."""
    folder = tmp_path_factory.mktemp("negatives") / "model"
    model = Path(shutil.copytree(tiny_model.folder(), folder))
    with EngineSpec(STREAM, model, Options(train="head")).open() as engine:
        parts = [tiny_model.tone("abc"[k % 3], 50 + k, 1.5) for k in range(30)]
        heard = hear(engine, np.concatenate(parts), windows=False).stream
    body = load_package(model).model.body_digest
    levels = (heard[::STRIDE] // 2).astype(np.int8)
    StoredNegatives(np.zeros((0, heard.shape[1]), np.int8), levels, 2, body).save(model)
    return model


def test_a_word_is_heard_in_a_scene(
    sounds: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_tasks, "DRAWS", 2)
    result, rest = tmp_path / "result.json", str(sounds / "rest")
    options = ("--new-words", "one", "--noise", rest, "--json", str(result))
    options += ("--false-accepts-per-hour", "100")
    done = evaluate(sounds, model, *options)
    assert done.exit_code == 0, done.output
    found = json.loads(result.read_text("utf-8"))
    assert (found["word"], found["different_takes"]) == ("one", [2, 2])
    assert len(found["per_scene"]) == 2
    assert found["misses"]["mean"] < 40  # of 50
    assert f"{found['false_accepts']['mean']:.1f} ±" in done.output


# -- on a board ------------------------------------------------------------------------------------


def test_a_board_hears_a_scene_as_the_core_does(
    sounds: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes = [read_pcm(path) for path in sorted((sounds / "data" / "one").iterdir())]
    said = np.concatenate(takes)
    project = open_project(model, Options(train="head", streaming=True))
    with project.connect() as session:
        always, never = (
            scene_board.hear_on_board(session, project, takes[:2], rate, said)
            for rate in (10_000.0, 1.0)
        )
        assert len(always) > 1
        assert np.diff(always).min() >= scene.REFRACTORY
        assert not never
        monkeypatch.setattr(BoardListening, "push", lambda *_: None)
        with pytest.raises(MynaError, match="in second 0 the board"):
            scene_board.hear_on_board(session, project, takes[:2], 1.0, said)
