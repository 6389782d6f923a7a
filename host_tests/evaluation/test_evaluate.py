# SPDX-License-Identifier: Apache-2.0
"""Engines agree; protocols keep enrolled and examined takes apart; results have their fields."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from myna.audio.dataset import Clip, split_of
from myna.cli import cli
from myna.device.link import DeviceError
from myna.device.session import Board
from myna.device.status import Status
from myna.device.target import PROJECT
from myna.errors import MynaError, Note
from myna.evaluation import evaluate, split
from myna.evaluation.board_engine import BoardEngine
from myna.evaluation.engine import CoreEngine, Engine, EngineSpec
from myna.evaluation.evaluate import mean_with_ci
from myna.learn.examples import Examples
from myna.learn.recipe import Recipe
from myna.names import SEED
from myna.project import open_project
from myna.sessions.learning import scalar
from support import tiny, tiny_model

HELD_OUT = tuple(s for s in (f"user{i}" for i in range(200)) if split_of(s) == "test")[:3]
TRAINED = next(s for s in (f"user{i}" for i in range(200)) if split_of(s) == "train")
RECIPE = Recipe(epochs=3, enough=0.0)
CLASSES = 6
RAM = 14_104  # bytes; six clips


def examples(count: int, seed: int = 5) -> Examples:
    features = tiny.features(count, seed)[..., 0]
    return Examples(features, np.arange(count, dtype=np.int64) % CLASSES)


@pytest.fixture(scope="module")
def session() -> Iterator[Board]:
    with open_project(tiny_model.folder()).connect("host") as board:
        yield board


def test_engines_give_identical_logits_losses_and_states(session: Board) -> None:
    project = open_project(tiny_model.folder())
    lesson, questions = examples(9), tiny.features(70, seed=8)[..., 0]  # 70: more than clip slots
    answers = []
    reference = EngineSpec("reference", tiny_model.folder())
    host = EngineSpec("host", tiny_model.folder())
    with reference.open() as first, host.open() as second:
        for engine in (first, second, BoardEngine(session, project.program)):
            engine.reset()
            engine.set_state(SEED, scalar(7))
            before = engine.infer(questions)
            learned = engine.learn(lesson, RECIPE)
            answers.append((before, engine.infer(questions), learned))
        assert isinstance(first, CoreEngine)
        assert isinstance(second, CoreEngine)
        states = {first.core.read_state(), second.core.read_state(), session.read_state()}
    assert len(states) == 1
    for before, after, learned in answers:
        assert np.array_equal(before, answers[0][0])
        assert np.array_equal(after, answers[0][1])
        assert learned == answers[0][2]
    assert (answers[0][0].shape, answers[0][1].shape) == ((70, 4), (70, 6))


def test_more_examples_than_slots_are_refused_before_anything_changes(session: Board) -> None:
    engine = BoardEngine(session, open_project(tiny_model.folder()).program)
    engine.infer(examples(4).features)
    clips, state = session.status().clips, session.read_state()
    with pytest.raises(MynaError, match="stores at most 48 clips, 49 do not fit"):
        engine.learn(examples(49), RECIPE)
    assert (session.status().clips, session.read_state()) == (clips, state)


def _wait(path: Path) -> None:
    path.write_text(str(os.getpid()))
    time.sleep(120)


def _have_a_worker_wait(path: Path) -> None:
    spec, context = EngineSpec("host", path.parent), multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, evaluate._begin, (spec,)) as pool:
        pool.submit(_wait, path).result()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_workers_say_notes_as_the_command_does(capfd: pytest.CaptureFixture[str]) -> None:
    context = multiprocessing.get_context("spawn")
    spec = EngineSpec("host", tiny_model.folder())
    with ProcessPoolExecutor(1, context, evaluate._begin, (spec,)) as pool:
        pool.submit(warnings.warn, "takes: converted", Note).result()
    assert capfd.readouterr().err == "note: takes: converted\n"


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    note, context = tmp_path / "pid", multiprocessing.get_context("spawn")
    parent = context.Process(target=_have_a_worker_wait, args=(note,))
    parent.start()
    end = time.monotonic() + 60
    while not (note.exists() and note.read_text()) and time.monotonic() < end:
        time.sleep(0.1)
    worker = int(note.read_text())
    assert _runs(worker)
    parent.kill()
    parent.join()
    while _runs(worker) and time.monotonic() < end:
        time.sleep(0.1)
    assert not _runs(worker)


class Fatal:
    """An exam that ends its process."""

    def __call__(self, engine: Engine) -> dict[str, Any]:
        os._exit(1)


@dataclass(frozen=True)
class Taught:
    """An exam that learns examples of its own, whatever its engine learned before."""

    seed: int

    def __call__(self, engine: Engine) -> dict[str, Any]:
        engine.reset()
        engine.learn(examples(4, self.seed), RECIPE)
        return {"seed": self.seed, "logits": engine.infer(examples(4).features).tolist()}


def test_the_number_of_processes_does_not_change_results() -> None:
    spec = EngineSpec("host", tiny_model.folder())
    exams = [Taught(seed) for seed in (3, 1, 2)]
    one, two = (evaluate.examine_all(spec, exams, jobs, lambda *_: None) for jobs in (1, 2))
    assert [exam["seed"] for exam in one] == [3, 1, 2]
    assert len({str(exam["logits"]) for exam in one}) == 3
    assert one == two


def test_a_worker_that_ends_is_an_error_that_says_so() -> None:
    spec = EngineSpec("host", tiny_model.folder())
    with pytest.raises(MynaError, match="was ended while it examined a user"):
        evaluate.examine_all(spec, [Fatal(), Fatal()], 2, lambda *_: None)


def test_unknown_engine_names_those_there_are() -> None:
    with pytest.raises(MynaError, match="qemu_m4"):
        EngineSpec("gpu", tiny_model.folder()).check()


def clip(word: str, speaker: str, take: int) -> Clip:
    return Clip(word, speaker, take, Path(word, f"{speaker}_{take}.wav"))


@given(
    st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 9)), min_size=1, unique=True),
    st.integers(1, 5),
)
def test_no_examined_take_is_enrolled(said: list[tuple[str, int]], shots: int) -> None:
    clips = [clip(word, "s", take) for word, take in said]
    enrolled, examined = split.split_takes(clips, shots)
    assert sorted(enrolled + examined) == list(range(len(clips)))
    for word in {word for word, _ in said}:
        learned = [clips[i].take for i in enrolled if clips[i].word == word]
        asked = [clips[i].take for i in examined if clips[i].word == word]
        assert len(learned) == min(shots, len(learned) + len(asked))
        assert max(learned) < min(asked, default=100)


def test_tasks_hold_each_speakers_own_takes() -> None:
    clips = [clip(w, s, t) for s in ("p", "q") for w in ("x", "y") for t in range(4)]
    features = np.arange(len(clips), dtype=np.int8)[:, None, None]
    labels = np.array([3 if c.word == "x" else 4 for c in clips], np.int64)
    first, second = split.make_tasks(clips, Examples(features, labels), 3)
    assert (first.speaker, second.speaker) == ("p", "q")
    assert first.enrolled.features.ravel().tolist() == [0, 1, 2, 4, 5, 6]
    assert first.examined.features.ravel().tolist() == [3, 7]
    assert second.examined.labels.tolist() == [3, 4]


def test_speakers_are_held_out_and_those_with_most_takes() -> None:
    clips = [clip("x", TRAINED, t) for t in range(9)]
    for i, speaker in enumerate(HELD_OUT):
        clips += [clip("x", speaker, t) for t in range(3 + i)]
    chosen = split.choose_speakers(clips, ["x"], 3)
    assert chosen == (HELD_OUT[2], HELD_OUT[1])
    assert split.choose_speakers(clips, ["x"], 3, 1) == (HELD_OUT[2],)
    assert split.choose_speakers(clips, ["x"], 3, 1, held_out=False) == (TRAINED,)
    with pytest.raises(MynaError, match="no held-out speaker"):
        split.choose_speakers(clips, ["x"], 6)


def test_new_words_take_free_classes_and_labels_keep_theirs() -> None:
    clips = [clip(w, "s", 0) for w in ("go", "zebra", "ant", "fox", "bee", "cat", "dog")]
    assert split.choose_new_words(clips, ["go"], 5) == ("ant", "bee", "cat", "dog", "fox")
    classes = split.assign_classes(["up", "go"], ["go", "ant", "bee"], 4)
    assert classes == {"up": 0, "go": 1, "ant": 2, "bee": 3}
    with pytest.raises(MynaError, match="3 new words do not fit: the model has 2 free"):
        split.assign_classes(["up", "go"], ["ant", "bee", "cat"], 4)


def test_known_clips_are_bounded_balanced_and_held_out() -> None:
    clips = [clip(w, s, t) for w in "xy" for s in (*HELD_OUT, TRAINED) for t in range(20)]
    chosen = split.choose_known(clips, {"x": 0, "y": 1}, 30)
    assert [sum(c.word == w for c in chosen) for w in "xy"] == [15, 15]
    assert TRAINED not in {c.speaker for c in chosen}
    assert split.choose_known(reversed(clips), {"x": 0, "y": 1}, 30) == chosen


def test_confidence_interval() -> None:
    # Student's t for 4 degrees of freedom, 2.776, times 1.5811 / sqrt(5)
    assert mean_with_ci([1.0, 2.0, 3.0, 4.0, 5.0]) == {
        "mean": 3.0,
        "ci95": pytest.approx(1.963, abs=1e-3),
    }
    assert mean_with_ci([70.0]) == {"mean": 70.0, "ci95": None}
    # t(60) = 2.000
    assert mean_with_ci([0.0, 1.0] * 30 + [0.5])["ci95"] == pytest.approx(
        2.000 * np.std([0.0, 1.0] * 30 + [0.5], ddof=1) / 61**0.5, rel=1e-3
    )


def test_a_boards_error_travels_between_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Engine) -> dict[str, Any]:
        raise DeviceError("TRAIN", Status.BAD_LABEL, where="port")

    monkeypatch.setitem(evaluate._own, "engine", None)
    with pytest.raises(MynaError) as raised:
        evaluate._work(fail)
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(cli, ["evaluate", str(tiny_model.folder()), *map(str, arguments)])


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tones")
    return tiny_model.recordings(folder, (*HELD_OUT, TRAINED), ("a", "b", "one", "two"), 5)


def test_a_limit_of_ram_is_recorded_and_clips_beyond_it_are_named(
    tones: Path, tmp_path: Path
) -> None:
    file = tmp_path / "result.json"
    asked = ("--data", tones, "--protocol", "new-words", "--shots", "4", "--max-speakers", "1")
    done = run(*asked, "--jobs", 1, "--ram", RAM, "--json", file)
    assert done.exit_code == 0, done.output
    result = json.loads(file.read_text())
    assert (result["train"], result["ram"]) == ("head", RAM)
    assert "warning: 8 takes were enrolled; this --ram holds 6 clips" in done.output


def test_new_words_result(tones: Path, tmp_path: Path) -> None:
    results = []
    for engine, jobs in (("host", ()), ("host", ("--jobs", 1)), ("reference", ("--jobs", 1))):
        file = tmp_path / f"{len(results)}.json"
        arguments = ("--data", tones, "--protocol", "new-words", "--shots", "2", *jobs)
        done = run(*arguments, "--base-data", tones, "--engine", engine, "--json", file)
        assert done.exit_code == 0, done.output
        results.append(json.loads(file.read_text()))
        del results[-1]["invocation"]
    host, alone, reference = results
    assert host == alone  # however many processes
    assert host["command"] == "evaluate"
    assert (host["protocol"], host["shots"], host["seed"]) == ("new-words", 2, 1)
    assert (host["engine"], host["model"]) == ("host", str(tiny_model.folder()))
    assert host["speakers"] == sorted((*HELD_OUT, TRAINED))  # nobody was heard with new words
    assert host["before"] == {"mean": 0.0, "ci95": 0.0}
    for field in ("after", "known_before", "known_after"):
        people = [person[field] for person in host["per_speaker"]]
        assert host[field] == mean_with_ci(people)
    assert {(p["enrolled"], p["tested"]) for p in host["per_speaker"]} == {(4, 6)}
    assert host["per_speaker"] == reference["per_speaker"]


def test_speaker_result_and_named_speakers(tones: Path, tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    done = run(
        *("--data", tones, "--protocol", "speaker", "--shots", "2", "--json", file),
        *("--speakers", f"{TRAINED},{HELD_OUT[0]}", "--engine", "reference"),
    )
    assert done.exit_code == 0, done.output
    result = json.loads(file.read_text())
    assert result["speakers"] == sorted([TRAINED, HELD_OUT[0]])
    assert result["known_before"] is None
    assert {p["tested"] for p in result["per_speaker"]} == {6}  # words a and b, three takes each


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--protocol", "new-words", "--new-words", "nine"), "no recording of word nine"),
        (("--protocol", "speaker", "--speakers", "nobody"), "no recording of speaker nobody"),
        (("--protocol", "speaker", "--shots", "5"), "no held-out speaker has more than 5"),
        (("--protocol", "speaker", "--engine", "abacus"), "unknown engine 'abacus'"),
    ],
)
def test_what_cannot_be_evaluated_says_why(
    tones: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = run("--data", tones, *arguments)
    assert isinstance(done.exception, MynaError)
    assert message in str(done.exception)


@pytest.mark.data
def test_real_recordings_of_one_speaker(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    model = PROJECT / "models" / "ds_cnn"
    arguments = ["evaluate", str(model), "--data", str(data_dir / "arabic_speech_commands")]
    arguments += ["--protocol", "new-words", "--max-speakers", "1", "--json", str(file)]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    result = json.loads(file.read_text())
    assert result["before"]["mean"] == 0
    assert result["after"]["mean"] > 40  # chance is 20 % at best, guessing among 17 classes 6 %
