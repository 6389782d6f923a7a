# SPDX-License-Identifier: Apache-2.0
"""Users say what a board heard: it learns that, unless that did harm, and takes it back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from myna.audio.files import write_wav
from myna.cli import cli
from myna.device import target
from myna.device.session import Board
from myna.engines.library import HostLibrary
from myna.errors import MynaError
from myna.evaluation.engine import CoreEngine
from myna.learn.examples import Examples, Progress
from myna.learn.learn import Learned
from myna.learn.recipe import Recipe
from myna.names import THRESHOLD
from myna.passes.memory import plan
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from myna.sessions import heard as sessions_heard
from myna.sessions.heard import hear, heard
from myna.sessions.learning import patch_state, scalar
from support import tiny, tiny_model
from support.pairs import emulated

UNKNOWN, ONE = tiny.LABELS.index("c"), len(tiny.LABELS)
NEVER, NEARLY = 1 << 20, 4096


@cache
def project(**options: Any) -> Project:
    return open_project(tiny_model.refusing(), Options(train="head", **options))


def run(command: str, *arguments: object) -> Result:
    return CliRunner().invoke(cli, [command, *map(str, arguments)])


def settle(command: str, port: str, *arguments: object) -> Result:
    return run(command, *arguments, "--port", port, "--model", tiny_model.refusing())


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    for i in range(3):
        for word in ("one", "three"):
            write_wav(folder / f"{word}{i}.wav", tiny_model.tone(word, 900 + i))
    return folder


def learn(port: str, sounds: Path, word: str = "one", takes: str = "one") -> None:
    files = sorted(sounds.glob(f"{takes}[01].wav"))
    done = run("enroll", tiny_model.refusing(), "--port", port, "--word", word, *files)
    assert done.exit_code == 0, done.exception


@pytest.fixture
def port(sounds: Path, tmp_path: Path) -> Iterator[str]:
    """A board that saves, has learned "one" from two takes, and accepts whatever it hears."""
    elf = project().firmware("host").elf
    with target.start("host", elf, tmp_path / "nv") as started:
        learn(started, sounds)
        accepting(started, -NEVER)
        yield started


def accepting(port: str, threshold: int, *, save: bool = True) -> None:
    with Board.connect(port) as board:
        patch_state(board, project().program, THRESHOLD, scalar(threshold))
        if save:
            board.save_state()


def confidence(port: str, file: Path) -> int:
    """Of a sound that is accepted."""
    said = file.with_suffix(".json")
    assert run("recognize", file, "--port", port, "--json", said).exit_code == 0
    (entry,) = json.loads(said.read_text("utf-8"))["heard"]
    return int(entry["confidence"])


def reference(state: bytes, clips: Examples) -> HostLibrary:
    """The C core in this process after learning clips from a state."""
    core = project().library()
    core.write_state(state)
    CoreEngine(core, project().package).learn(clips, Recipe())
    return core


def clips_of(board: Board, labels: list[int]) -> Examples:
    features = np.array([board.get_features(slot) for slot in range(len(labels))])
    return Examples(features, np.array(labels, np.int64))


def refuse_three(port: str, sounds: Path) -> None:
    """A board hears another word, is told so, and learns as the reference does."""
    accepting(port, -NEVER)
    assert run("recognize", sounds / "three2.wav", "--port", port).exit_code == 0
    with Board.connect(port) as board:
        (sound,) = heard(board)
        before = board.read_state()
    done = settle("refuse", port)
    assert done.exit_code == 0, (done.output, done.exception)
    assert "as 'unknown'" in done.output
    with Board.connect(port) as board:
        after = reference(before, clips_of(board, [ONE, ONE, UNKNOWN]))
        assert board.read_state() == after.read_state()
        assert sound.accepted and not sound.learned
        assert [s.learned for s in heard(board)] == [True]
        assert board.infer(2).label == UNKNOWN


def test_a_refused_sound_is_learned_as_foreign_and_kept(sounds: Path, tmp_path: Path) -> None:
    elf = project().firmware("host").elf
    with target.start("host", elf, tmp_path / "nv") as port:
        learn(port, sounds)
        refuse_three(port, sounds)
        with Board.connect(port) as board:
            after = board.read_state()
    with target.start("host", elf, tmp_path / "nv") as port:
        with Board.connect(port) as board:
            assert (board.read_state(), board.status().clips) == (after, 3)
            assert list(heard(board)) == [], "features of sounds do not outlast a loss of power"
        assert run("undo", "--port", port).exit_code == 0
        with Board.connect(port) as board:
            assert board.status().clips == 2


@pytest.mark.parametrize("name", emulated("qemu_m4"))
def test_an_emulated_core_refuses_alike(name: str, sounds: Path, tmp_path: Path) -> None:
    with target.start(name, project().firmware(name).elf, tmp_path / "nv") as port:
        learn(port, sounds)
        refuse_three(port, sounds)


def test_a_whole_network_learns_it_as_it_learns_words(
    sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the recipe of whole networks, and it may lose as many memories as the board asks."""
    monkeypatch.setattr(plan, "MOST_ASKED", 3)
    whole = open_project(tiny_model.refusing(), Options(train="all"))
    assert len(whole.program.replay.labels) > 3
    recipes, bounds = list[Recipe](), list[int]()
    learn_on, forgot = sessions_heard.learn_on, Learned.forgot

    def learning(board: Board, program: plan.Program, recipe: Recipe, report: Progress) -> Learned:
        recipes.append(recipe)
        return learn_on(board, program, recipe, report)

    def bounded(learned: Learned, memories: int) -> bool:
        bounds.append(memories)
        return forgot(learned, memories)

    with target.start("host", whole.firmware("host").elf) as port:
        learn(port, sounds)
        with Board.connect(port) as board:
            patch_state(board, whole.program, THRESHOLD, scalar(-NEVER))
        assert run("recognize", sounds / "three2.wav", "--port", port).exit_code == 0
        monkeypatch.setattr(sessions_heard, "learn_on", learning)
        monkeypatch.setattr(Learned, "forgot", bounded)
        settle("refuse", port)
    assert recipes == [Recipe.of(whole=True)]
    assert bounds == [3]


def test_what_is_taken_back_may_be_said_to_be_something_else(port: str, sounds: Path) -> None:
    assert run("recognize", sounds / "one2.wav", "--port", port).exit_code == 0
    with Board.connect(port) as board:
        before = board.read_state()
    assert settle("refuse", port, 1).exit_code == 0
    again = settle("refuse", port, 1)
    assert isinstance(again.exception, MynaError)
    assert "is learned already" in str(again.exception)
    assert run("undo", "--port", port).exit_code == 0
    with Board.connect(port) as board:
        assert (board.read_state(), board.status().clips) == (before, 2)
    done = settle("accept", port, 1, "--word", "one")
    assert done.exit_code == 0, done.exception
    with Board.connect(port) as board:
        after = reference(before, clips_of(board, [ONE, ONE, ONE]))
        assert board.read_state() == after.read_state()


def test_a_near_miss_is_offered_as_what_it_nearly_was(port: str, sounds: Path) -> None:
    at = confidence(port, sounds / "one2.wav")
    for threshold, says in ((at + NEARLY + 1, None), (at + NEARLY, False), (at, True)):
        accepting(port, threshold)
        run("recognize", sounds / "one2.wav", "--port", port)
        with Board.connect(port) as board:
            number = hear_again(board, sounds)
            accepted = {s.number: s.accepted for s in heard(board)}
        assert accepted.get(number) is says
        if says is False:
            missed = settle("refuse", port)
            assert "no sound that it took for a word" in str(missed.exception)
            assert settle("accept", port).exit_code == 0
            with Board.connect(port) as board:
                assert board.status().clips == 3
            assert run("undo", "--port", port).exit_code == 0
    assert "nearly took" in str(settle("accept", port).exception)


def hear_again(board: Board, sounds: Path) -> int:
    """The number under which a board keeps the sound that it heard last; 0 if it does not."""
    board.upload_audio(tiny_model.tone("one", 902), 9, 0xFFFF)
    number = hear(board, 9).number
    board.empty(9)
    return number


def test_what_does_harm_is_undone(port: str, sounds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("recognize", sounds / "three2.wav", "--port", port).exit_code == 0
    with Board.connect(port) as board:
        before = board.read_state()
    # one take less is right after than before
    monkeypatch.setattr("myna.sessions.heard._others_right", lambda *_: 1)
    done = settle("refuse", port)
    assert "did harm: 2 of 2 takes right before, 1 after" in str(done.exception)
    with Board.connect(port) as board:
        assert (board.read_state(), board.status().clips) == (before, 2)
        assert [s.learned for s in heard(board)] == [False]


def test_an_interruption_leaves_all_as_it_was(
    port: str, sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("recognize", sounds / "three2.wav", "--port", port).exit_code == 0
    with Board.connect(port) as board:
        before = board.read_state()

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    for moment in ("learn_on", "_others_right"):
        with monkeypatch.context() as patch:
            patch.setattr(f"myna.sessions.heard.{moment}", interrupted)
            assert settle("refuse", port).exit_code == 1
        with Board.connect(port) as board:
            assert (board.read_state(), board.status().clips) == (before, 2)


def test_a_word_without_takes_is_not_forgotten_for_it(port: str, sounds: Path) -> None:
    assert run("recognize", sounds / "three2.wav", "--port", port).exit_code == 0
    with Board.connect(port) as board:
        for slot in range(2):
            board.empty(slot)
    assert "no take of 'one'" in str(settle("refuse", port).exception)


@pytest.mark.parametrize(
    ("command", "arguments", "says"),
    [
        ("refuse", [], "no sound that it took for a word"),
        ("refuse", [7], "no sound of number 7"),
        ("accept", [], "no sound that it nearly took for a word"),
        ("accept", [1, "--word", "one"], "no sound of number 1"),
    ],
)
def test_what_was_not_heard_is_not_learned(
    command: str, arguments: list[object], says: str, port: str
) -> None:
    done = settle(command, port, *arguments)
    assert isinstance(done.exception, MynaError)
    assert says in str(done.exception)


def test_a_word_that_is_not_known_is_refused(port: str, sounds: Path) -> None:
    assert run("recognize", sounds / "one2.wav", "--port", port).exit_code == 0
    assert "is no word that the board" in str(
        settle("accept", port, 1, "--word", "radio").exception
    )


def test_sounds_are_listed_and_follow_their_words(port: str, sounds: Path, tmp_path: Path) -> None:
    learn(port, sounds, "three", "three")
    accepting(port, -NEVER)
    files = [sounds / f"{word}2.wav" for word in ("one", "three")]
    assert run("recognize", *files, "--port", port).exit_code == 0
    assert "  2 'three', accepted\n  1 'one', accepted" in run("heard", "--port", port).output
    removed = run("words", tiny_model.refusing(), "--port", port, "--remove", "one")
    assert removed.exit_code == 0, removed.exception
    file = tmp_path / "heard.json"
    assert run("heard", "--port", port, "--json", file).exit_code == 0
    (sound,) = json.loads(file.read_text("utf-8"))["sounds"]
    assert (sound["number"], sound["word"]) == (2, "three")
    assert run("undo", "--port", port).exit_code == 0
    assert "nothing was taken" in run("heard", "--port", port).output  # classes are others now


def test_a_board_without_room_says_so(sounds: Path) -> None:
    small = project(heard=0)
    with target.start("host", small.firmware("host").elf) as port:
        learn(port, sounds)
        assert run("recognize", sounds / "one2.wav", "--port", port).exit_code == 0
        for done in (run("heard", "--port", port), settle("refuse", port)):
            assert "keeps nothing of what it hears" in str(done.exception)


def test_a_model_without_a_class_for_it_cannot_refuse(sounds: Path) -> None:
    known = open_project(tiny_model.folder(), tiny_model.HEAD)
    with target.start("host", known.firmware("host").elf) as port:
        files = sorted(sounds.glob("one[01].wav"))
        enrolled = run("enroll", tiny_model.folder(), "--port", port, "--word", "one", *files)
        assert enrolled.exit_code == 0, enrolled.exception
        accepting(port, -NEVER, save=False)
        assert run("recognize", sounds / "one2.wav", "--port", port).exit_code == 0
        done = run("refuse", "--port", port, "--model", tiny_model.folder())
        assert "has no class 'unknown'" in str(done.exception)
