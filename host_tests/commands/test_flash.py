# SPDX-License-Identifier: Apache-2.0
"""Boards that are flashed, listed, asked and stopped: and what they learned stays theirs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from myna.cli import cli
from myna.device import ports
from myna.device.session import Board
from myna.device.target import BOARDS
from myna.errors import MynaError
from myna.passes.pipeline import Options
from myna.sessions.stream import BoardListening
from myna.sessions.words import read_words
from support import tiny_model


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, arguments)])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of ports of this test's own."""
    monkeypatch.setattr(ports, "PORTS", tmp_path / "ports")
    yield tmp_path / "ports"
    ports.halt("host", tmp_path / "ports")


def flash(*options: str) -> Result:
    done = run("flash", tiny_model.folder(), "--board", "host", *options)
    assert done.exit_code == 0, done.exception
    return done


@pytest.fixture
def port(folder: Path, tmp_path: Path) -> Path:
    """A board that has learned "one"; its firmware trains the head."""
    flash()
    takes = tiny_model.recordings(tmp_path / "takes", ("me",), ("one",), 3)
    done = run(
        "enroll", tiny_model.folder(), "--port", folder / "host", "--word", "one", takes / "one"
    )
    assert done.exit_code == 0, done.exception
    return folder / "host"


def words(port: Path) -> tuple[str, ...]:
    with Board.connect(str(port)) as board:
        return read_words(board)


def test_the_same_build_keeps_its_words(port: Path) -> None:
    with Board.connect(str(port)) as board:
        before = board.read_state()
        board.forget_state()  # it is in memory alone
    flash()
    with Board.connect(str(port)) as board:
        assert board.read_state() == before
        assert board.status().stored_sequence > 0
    assert words(port) == ("one",)


def test_another_build_gets_its_words_saved_first(port: Path, folder: Path) -> None:
    with Board.connect(str(port)) as board:
        before, options = board.read_state(), json.loads(board.options())
    done = flash("--train", "all")
    assert options == {"train": "head"}
    (saved,) = folder.glob("host-*.npz")
    assert "one cannot stay" in done.output
    assert str(saved) in done.output
    assert "its storage holds words of another build" in done.output
    assert words(port) == ()
    flash("--train", "head")
    assert run("restore", saved, "--port", port).exit_code == 0
    with Board.connect(str(port)) as board:
        assert board.read_state() == before


def test_a_board_is_flashed_with_the_options_that_it_was_said_to_be_flashed_with(
    folder: Path,
) -> None:
    flash("--streaming")
    with Board.connect(str(folder / "host")) as board:
        options = Options.from_json(board.options(), "board")
        BoardListening(board).begin()  # it can listen
    assert options.command_line() == "--train head --streaming"
    done = flash(*options.command_line().split())
    assert "another build" not in done.output


def test_a_board_that_does_not_answer_is_replaced_and_that_is_said(
    port: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, calls = Board.connect, iter(range(9))

    def once_deaf(port: str, **options: int | None) -> Board:
        if next(calls) == 0:
            raise MynaError("no answer", where=port)
        return connect(port, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Board, "connect", once_deaf)
    assert "what it had not saved is lost" in flash().output
    assert words(port) == ("one",)  # it had saved it


def test_a_board_says_what_it_runs(port: Path, tmp_path: Path) -> None:
    done = run("info", "--port", port, "--json", tmp_path / "info.json")
    assert done.exit_code == 0, done.exception
    said = json.loads((tmp_path / "info.json").read_text())
    assert (said["board"], said["model"], said["words"]) == ("host", "reversible", ["one"])
    assert (said["clips"], said["storage"]) == (3, "ok")
    assert json.loads(said["options"]) == {"train": "head"}
    for text in ("reversible", "learned: one", "3 of 48 takes", "what it learned is saved"):
        assert text in done.output


def test_boards_that_run_are_listed_until_they_are_stopped(port: Path) -> None:
    assert f"{port}: virtual board" in run("ports").output
    assert run("stop", "host").exit_code == 0
    assert str(port) not in run("ports").output
    again = run("stop", "host")
    assert isinstance(again.exception, MynaError)
    assert "no such virtual board runs" in str(again.exception)
    flash()
    assert words(port) == ("one",)


def test_every_board_is_listed_with_its_memory(tmp_path: Path) -> None:
    done = run("boards", "--json", tmp_path / "boards.json")
    assert done.exit_code == 0
    listed = json.loads((tmp_path / "boards.json").read_text())["boards"]
    assert {entry["board"]: entry["ram"] for entry in listed} == {
        name: board.ram_bytes for name, board in BOARDS.items()
    }
    assert all(name in done.output for name in BOARDS)
