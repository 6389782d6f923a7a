# SPDX-License-Identifier: Apache-2.0
"""Enrolling by a microphone: takes are asked for until they are of use, and none is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from myna.audio.features import Pcm
from myna.cli import cli
from myna.device import target
from myna.device.session import Board
from myna.errors import MynaError
from myna.project import open_project
from myna.sessions.words import read_words
from support import tiny_model
from support.fake_sounddevice import FakeMicrophone, attach


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.chdir(tmp_path)
    project = open_project(tiny_model.folder(), tiny_model.HEAD)
    with target.start("host", project.firmware("host").elf, tmp_path / "nv") as started:
        yield started


def room(seconds: float) -> Pcm:
    return np.random.default_rng(1).normal(0, 8, round(16000 * seconds)).astype(np.int16)


def said(*seeds: int | Pcm, word: str = "one") -> Pcm:
    """Takes of a word, or other sounds, each as long as somebody waits after it was asked for."""
    parts = [tiny_model.tone(word, s, 0.6) if isinstance(s, int) else s for s in seeds]
    return np.concatenate([part for one in parts for part in (room(1), one, room(0.6))])


def run(port: str, *rest: object, word: str = "one") -> Result:
    arguments = ["enroll", str(tiny_model.folder()), "--port", port, "--word", word, "--mic"]
    return CliRunner().invoke(cli, [*arguments, *map(str, rest)])


def known(port: str) -> tuple[tuple[str, ...], int]:
    """The words that a board has learned, and how many clips it stores."""
    with Board.connect(port) as board:
        return read_words(board), board.status().clips


def test_takes_are_asked_for_one_after_the_other(
    port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach(FakeMicrophone(said(1, 2, 3)), monkeypatch)
    before = set(tmp_path.rglob("*"))
    done = run(port, "--takes", 3, "--json", tmp_path / "out.json")
    assert done.exit_code == 0, done.exception
    asked = [line for line in done.output.splitlines() if line.startswith("say ")]
    assert asked == [f"say 'one' ({take} of 3)" for take in (1, 2, 3)]
    assert "can be used: ready in" in done.output
    found: dict[str, Any] = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert (found["takes"], found["recognized"], found["class"]) == (3, 3, 4)
    assert known(port) == (("one",), 3)
    new = {path.name for path in {*tmp_path.rglob("*")} - before if path.is_file()}
    assert new <= {"out.json", "nv"}  # what the board saved; no sound


def test_one_take_is_enough(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attach(FakeMicrophone(said(1)), monkeypatch)
    done = run(port, "--takes", 1)
    assert done.exit_code == 0, done.exception
    assert "'one' is class 4" in done.output
    assert known(port) == (("one",), 1)


def test_a_bad_take_is_asked_for_again(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clipped = np.clip(9.0 * tiny_model.tone("one", 2, 0.6), -32768, 32767).astype(np.int16)
    attach(FakeMicrophone(said(1, clipped, 2)), monkeypatch)
    done = run(port, "--takes", 2)
    assert done.exit_code == 0, done.exception
    assert done.output.count("say 'one' (2 of 2)") == 2
    assert "once more: it is clipped; lower the gain" in done.output
    assert known(port) == (("one",), 2)


def test_a_take_that_the_board_refuses_is_asked_for_again(
    port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach(FakeMicrophone(said(1, 1, 2)), monkeypatch)
    done = run(port, "--takes", 2)
    assert done.exit_code == 0, done.exception
    assert "the same recording as another take" in done.output
    assert known(port) == (("one",), 2)


def test_takes_that_are_always_bad_end(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attach(FakeMicrophone(room(120)), monkeypatch)
    done = run(port)
    assert isinstance(done.exception, MynaError)
    assert "5 times in a row" in str(done.exception)
    assert known(port) == ((), 0)


@pytest.mark.parametrize("takes", [0, 1, 3])
def test_an_interruption_leaves_what_was_taken(
    takes: int, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach(FakeMicrophone(said(*range(takes), room(0.1))), monkeypatch)
    done = run(port)
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    if takes:
        assert f"stores {takes} of them" in done.output
        assert known(port) == (("one",), takes)
    else:
        assert "all is as it was" in done.output
        assert known(port) == ((), 0)


def test_an_interrupted_word_goes_on(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attach(FakeMicrophone(said(1, 2, room(0.1))), monkeypatch)
    assert run(port).exit_code == 1
    attach(FakeMicrophone(said(3)), monkeypatch)
    assert run(port, "--takes", 1).exit_code == 0
    assert known(port) == (("one",), 3)


@pytest.mark.parametrize("rest", [["--wav", "x.wav"], ["x.wav"], ["--examples", "x.npz"]])
def test_recordings_beside_a_microphone_are_refused(port: str, rest: list[str]) -> None:
    done = run(port, *rest)
    assert done.exit_code == 2
    assert "--mic is instead of" in done.output


def test_a_microphone_that_is_taken_away_is_said(
    port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach(FakeMicrophone(said(1, 2), broken_at=40000), monkeypatch)
    done = run(port)
    assert isinstance(done.exception, MynaError)
    assert "cannot be used" in str(done.exception)
    assert known(port) == (("one",), 1)
