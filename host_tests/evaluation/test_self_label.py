# SPDX-License-Identifier: Apache-2.0
"""Learning without labels: board and twin agree, and wrong labels do not spread."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from myna.audio.config import silence_of
from myna.audio.dataset import Clip
from myna.cli import cli
from myna.device import bodies as b
from myna.device import messages as m
from myna.device import target
from myna.device.link import DeviceError
from myna.device.session import Board
from myna.device.status import Status
from myna.device.target import PROJECT
from myna.evaluation.engine import CoreEngine
from myna.evaluation.self_label import split_clips
from myna.learn.examples import Examples
from myna.learn.listen import VIEWS, Criteria, Listener, Verdict
from myna.learn.recipe import Recipe
from myna.names import RATE
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from myna.sessions import listen as listening
from myna.sessions.learning import rate_pair, store_examples
from support import tiny, tiny_model

PLANS = {"all": Options(), "head": tiny_model.HEAD}
RECIPE = Recipe(epochs=4, enough=0.0)
KNOWN = len(tiny.LABELS)
ANY = Criteria(lowest=0, margin=0, agree=0, most=48)
TAUGHT = tiny_model.examples(("one", "two"), 2)
HEARD = tiny_model.examples(("one", "two", "a", "silence", "three"), 5)


@cache
def project(plan: str) -> Project:
    return open_project(tiny_model.folder(), PLANS[plan])


@pytest.fixture(scope="module", params=PLANS)
def board(request: pytest.FixtureRequest) -> Iterator[tuple[Project, Board]]:
    """A host board, and what it runs."""
    runs = project(request.param)
    with runs.connect("host") as session:
        yield runs, session


def taught(of: Project, clips: Examples = TAUGHT) -> tuple[CoreEngine, Listener]:
    """An engine that has learned the clips, and a listener that stores them."""
    engine = CoreEngine(of.library(), of.package)
    if len(clips):
        engine.learn(clips, RECIPE)
    engine.set_state(RATE, rate_pair(RECIPE.rate))
    silence = silence_of(of.package.labels)
    return engine, Listener(engine.core, of.package.audio, silence, clips)


def put(session: Board, engine: CoreEngine, listener: Listener) -> None:
    """Give a board the state of an engine, and the user's clips of a listener."""
    labels = np.array([clip.label for clip in listener.stored()], np.int64)
    store_examples(session, Examples(np.array([c.features for c in listener.stored()]), labels))
    session.write_state(engine.core.read_state())


def test_board_and_twin_hear_adapt_and_confirm_alike(board: tuple[Project, Board]) -> None:
    runs, session = board
    engine, listener = taught(runs)
    put(session, engine, listener)
    verdicts = set()
    for criteria in (Criteria(KNOWN, 10, 3, 2), Criteria(0, 0, VIEWS, 9), Criteria(0, 60, 1, 9)):
        for features in HEARD.features:
            slot = listener.free_slot()
            session.put_features(features, slot, None)
            found = listening.listen(session, slot, criteria)
            assert found == listener.listen(features, criteria)
            assert session.status().clips == len(listener.clips)
            verdicts.add(found.verdict)
        assert listening.adapt(session, runs.program, RECIPE) == listener.adapt(RECIPE)
        assert session.read_state() == engine.core.read_state()
    assert verdicts >= {Verdict.KEPT, Verdict.OTHER, Verdict.UNSURE, Verdict.INCONSISTENT}
    guessed = [slot for slot, clip in listener.clips.items() if clip.guessed]
    assert len(guessed) >= 3
    for slot, right in ((guessed[0], False), (guessed[-1], True)):  # the first leaves a gap
        listening.confirm(session, slot, right=right)
        listener.confirm(slot, right=right)
    assert listener.free_slot() == guessed[0]
    adapted = listener.adapt(RECIPE)
    assert listening.adapt(session, runs.program, RECIPE) == adapted
    assert session.read_state() == engine.core.read_state()


def test_learning_that_does_harm_is_undone(board: tuple[Project, Board]) -> None:
    runs, session = board
    confused = Examples(tiny_model.examples(("a",), 4).features, np.ones(4, np.int64))  # say "b"
    engine, listener = taught(runs)
    harm = Recipe(rate=0.1, epochs=20, enough=0.0, rehearsals=0, vary=False)
    for clip in engine.listener(confused).stored():
        listener.clips[listener.free_slot()] = clip
    engine.set_state(RATE, rate_pair(harm.rate))
    put(session, engine, listener)
    state = session.read_state()
    adapted = listener.adapt(harm)
    assert adapted.learned.known_after < adapted.learned.known_before
    assert not adapted.kept
    assert listening.adapt(session, runs.program, harm) == adapted
    assert session.read_state() == engine.core.read_state() == state


def test_a_wrong_label_is_not_learned_while_the_model_knows_better(
    board: tuple[Project, Board],
) -> None:
    runs, _ = board
    recipe, steps = Recipe(epochs=3, enough=0.0, rehearsals=0), []
    for lies in (0, 3):
        engine, listener = taught(runs)
        begun = engine.core.clock[1]
        for features in tiny_model.examples(("one",), 3).features[:lies]:
            assert listener.listen(features, ANY).label == KNOWN
            last = max(listener.clips)
            listener.clips[last] = replace(listener.clips[last], label=KNOWN + 1)
        listener.adapt(recipe)
        steps.append(engine.core.clock[1] - begun)
    assert steps[0] == steps[1] == 3 * len(TAUGHT)


def test_limits_of_what_is_kept(board: tuple[Project, Board]) -> None:
    runs, session = board
    engine, listener = taught(runs)
    put(session, engine, listener)
    one = tiny_model.examples(("one",), 1)

    def hear(slot: int, criteria: Criteria) -> Verdict:
        session.put_features(one.features[0], slot, None)
        return listening.listen(session, slot, criteria).verdict

    assert hear(10, replace(ANY, most=2)) is Verdict.KEPT
    assert hear(11, replace(ANY, most=2)) is Verdict.KEPT
    assert hear(12, replace(ANY, most=2)) is Verdict.CROWDED
    assert hear(11, replace(ANY, most=2)) is Verdict.KEPT  # its slot again
    assert hear(12, replace(ANY, lowest=KNOWN + 1)) is Verdict.OTHER
    listening.confirm(session, 11, right=True)
    assert hear(12, replace(ANY, most=2)) is Verdict.KEPT
    for slot in (*np.flatnonzero(TAUGHT.labels == KNOWN).tolist(), 11):
        session.empty(slot)
    assert hear(13, ANY) is Verdict.UNTAUGHT  # of all clips of the word, none is the user's


def test_requests_that_make_no_sense_are_refused(board: tuple[Project, Board]) -> None:
    runs, session = board
    engine, listener = taught(runs)
    put(session, engine, listener)
    link, heard = session.link, b.Listen(40, 0, 0, 0, 48)

    def refusal(exchange: m.Exchange, request: b.Message) -> int:
        with pytest.raises(DeviceError) as caught:
            link.request(exchange, request)
        return caught.value.status

    assert refusal(m.LISTEN, heard) == Status.DATA_MISSING
    assert refusal(m.LISTEN, replace(heard, slot=0)) == Status.BAD_SLOT  # the user's
    assert refusal(m.LISTEN, replace(heard, slot=48)) == Status.BAD_SLOT
    assert refusal(m.CONFIRM, b.Confirm(40, 1)) == Status.BAD_SLOT
    assert refusal(m.CONFIRM, b.Confirm(0, 2)) == Status.BAD_RANGE
    session.put_features(TAUGHT.features[0], 40, None)
    assert listening.listen(session, 40, ANY).verdict is Verdict.KEPT
    session.reset_state()  # forgets the classes, but not the clips
    assert refusal(m.ADAPT, b.Learn(0, 0, 0, 1, 0)) == Status.BAD_LABEL
    session.clear_clips()
    assert refusal(m.ADAPT, b.Learn(0, 0, 0, 1, 0)) == Status.BAD_SLOT


def test_sound_can_be_sent_without_a_label(board: tuple[Project, Board]) -> None:
    _, session = board
    session.reset_state()
    session.clear_clips()
    reply = session.upload_audio(tiny_model.tone("a", 3), 5, listening.UNLABELLED)
    assert session.status().clips == 0
    features: npt.NDArray[np.int8] = session.get_features(5)
    assert features.shape == (tiny.FRAMES, tiny.BANDS)
    assert reply.feature_crc
    assert listening.listen(session, 5, ANY).verdict is Verdict.KEPT


@pytest.mark.qemu
def test_an_emulated_core_adapts_alike() -> None:
    runs = project("head")
    engine, listener = taught(runs)
    with runs.connect("qemu_m4") as session:
        put(session, engine, listener)
        for features in HEARD.features[:4]:
            slot = listener.free_slot()
            session.put_features(features, slot, None)
            assert listening.listen(session, slot, ANY) == listener.listen(features, ANY)
        assert listening.adapt(session, runs.program, RECIPE) == listener.adapt(RECIPE)
        assert session.read_state() == engine.core.read_state()


def test_a_large_state_is_kept_in_storage_while_learning_is_judged(tmp_path: Path) -> None:
    runs = open_project(PROJECT / "models" / "kws")
    engine = CoreEngine(runs.library(), runs.package)
    rng = np.random.default_rng(1)
    clips = Examples(rng.integers(-40, 40, (2, 49, 20)).astype(np.int8), np.array([3, 4]))
    listener = engine.listener(clips)
    recipe = Recipe(rate=20.0, epochs=1, rehearsals=0)
    engine.set_state(RATE, rate_pair(recipe.rate))
    firmware = runs.firmware("host").elf
    with runs.connect("host") as session:
        put(session, engine, listener)
        with pytest.raises(DeviceError) as caught:
            listening.adapt(session, runs.program, recipe)
        assert caught.value.status == Status.NO_STORAGE
    with target.start("host", firmware, tmp_path / "nv") as port, Board.connect(port) as session:
        put(session, engine, listener)
        state = session.read_state()
        adapted = listener.adapt(recipe)
        assert not adapted.kept
        assert listening.adapt(session, runs.program, recipe) == adapted
        assert session.read_state() == engine.core.read_state() == state


def test_users_let_a_board_listen_and_confirm(tmp_path: Path) -> None:
    takes = tiny_model.recordings(tmp_path / "takes", ("me",), ("one", "two"), 5)
    file = tmp_path / "result.json"
    runs = project("head")

    def run(command: str, *arguments: object, answer: str = "") -> Result:
        shared = (tiny_model.folder(), "--port", port)
        return CliRunner().invoke(cli, [command, *map(str, (*shared, *arguments))], input=answer)

    with target.start("host", runs.firmware("host").elf) as port:
        for word in ("one", "two"):
            some = sorted((takes / word).iterdir())[:3]
            done = run("enroll", "--word", word, "--wav", *some)
            assert done.exit_code == 0, done.exception
        heard = sorted((takes / "one").iterdir())[3:]
        done = run("adapt", "--confirm", "--json", file, "--wav", *heard, answer="y\nn\n")
        assert done.exit_code == 0, done.exception
    result = json.loads(file.read_text())
    assert [Path(entry["file"]) for entry in result["heard"]] == heard
    assert result["saved"] is False  # the board has no storage
    kept = [entry for entry in result["heard"] if entry["verdict"] == "kept"]
    assert done.output.count("Was that right?") == len(kept)
    assert {entry["label"] for entry in kept} <= {KNOWN, KNOWN + 1}
    assert result["before"]["own"] <= (6 + len(kept)) * (1 + VIEWS)


def evaluate(file: Path, *arguments: object) -> dict[str, Any]:
    command = ["evaluate", "--protocol", "self-label", "--jobs", "1", "--json", str(file)]
    done = CliRunner().invoke(cli, [*command, "--train", "head", *map(str, arguments)])
    assert done.exit_code == 0, done.exception
    result: dict[str, Any] = json.loads(file.read_text())
    return result


def test_users_are_heard_and_examined_on_different_takes(tmp_path: Path) -> None:
    data = tiny_model.recordings(tmp_path / "data", ("me", "you"), ("one", "two", "three"), 6)
    arguments = (tiny_model.folder(), "--data", data, "--new-words", "one,two", "--shots", 2)
    result = evaluate(tmp_path / "result.json", *arguments, "--speakers", "all")
    assert result["speakers"] == ["me", "you"]
    for person in result["per_speaker"]:
        assert (person["enrolled"], person["heard"], person["tested"]) == (4, 4, 4)
    assert result["known_after"] is None  # no base data
    gain = result["labelled"]["mean"] - result["before"]["mean"]
    assert (result["recovered"] is None) == (gain <= 0)


@given(st.integers(0, 4), st.lists(st.integers(0, 9), min_size=1, max_size=9, unique=True))
def test_no_take_is_in_two_parts(shots: int, takes: list[int]) -> None:
    clips = [Clip(word, "me", take, Path()) for word in ("x", "y") for take in takes]
    clips += [Clip("x", "you", 0, Path())]
    parts = split_clips(clips, "me", {"x": shots, "y": shots})
    assert sorted(i for part in parts for i in part) == list(range(2 * len(takes)))
    enrolled, heard, examined = parts
    assert len(enrolled) == 2 * min(shots, len(takes))
    assert 0 <= len(heard) - len(examined) <= 2
    assert [clips[i].word for i in heard] == ["x", "y"] * (len(heard) // 2)


@pytest.mark.data
def test_real_words_are_learned_without_labels(data_dir: Path, tmp_path: Path) -> None:
    data = data_dir / "arabic_speech_commands"
    people, words = "00000011,00000030", "cancel,digit,direction"
    arguments = (PROJECT / "models" / "kws", "--data", data, "--speakers", people)
    result = evaluate(tmp_path / "r.json", *arguments, "--new-words", words, "--shots", 1)
    start = result["before"]["mean"]
    assert result["kept"]["mean"] > 30
    assert result["wrong"]["mean"] < 10
    for run in ("after", "corrupt_after", "intruder_after"):
        assert result[run]["mean"] >= start - 100 / 24  # one of the takes examined
