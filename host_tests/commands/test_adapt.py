# SPDX-License-Identifier: Apache-2.0
"""Adapting: what is heard is kept if the board is sure, and where there is no word it is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from myna.audio.files import write_wav
from myna.cli import cli
from myna.commands import adapt
from myna.device import target
from myna.device.session import Board
from myna.errors import MynaError
from myna.project import open_project
from support import tiny, tiny_model


def run(command: str, *arguments: object) -> Result:
    return CliRunner().invoke(cli, [command, str(tiny_model.folder()), *map(str, arguments)])


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A board that remembers and has learned nothing; takes of "a" and "one" lie in ./takes."""
    monkeypatch.chdir(tmp_path)
    tiny_model.recordings(Path("takes"), ("me",), ("a", "one"), 4)
    project = open_project(tiny_model.folder(), tiny_model.HEAD)
    with target.start("host", project.firmware("host").elf, tmp_path / "nv") as started:
        yield started


@pytest.fixture
def wordless(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if all labels of the model were those of silence and unknown words."""
    monkeypatch.setattr(adapt, "NO_WORDS", tiny.LABELS)


def clips(port: str) -> int:
    with Board.connect(port) as board:
        return board.status().clips


@pytest.mark.usefixtures("wordless")
def test_where_there_is_no_word_it_is_said(port: str) -> None:
    done = run("adapt", "--port", port, "takes/one")
    assert isinstance(done.exception, MynaError), done.exception
    assert "no word to listen for" in str(done.exception)
    assert "enroll" in done.exception.fix
    assert clips(port) == 0


@pytest.mark.usefixtures("wordless")
def test_an_enrolled_word_is_listened_for(port: str) -> None:
    takes = [f"takes/one/me_x_{take}.wav" for take in range(4)]
    done = run("enroll", "--port", port, "--word", "one", *(f"--wav={f}" for f in takes[:3]))
    assert done.exit_code == 0, done.exception
    done = run("adapt", "--port", port, takes[3])
    assert done.exit_code == 0, done.exception
    assert "'one', kept" in done.output


def test_nothing_is_learned_of_recordings_that_hold_no_word(port: str) -> None:
    write_wav(Path("steady.wav"), np.tile(tiny_model.tone("two", 1), 2))
    done = run("adapt", "--port", port, "steady.wav")
    assert "no clear word" in done.output
    assert isinstance(done.exception, MynaError)
    assert "sure of none" in str(done.exception)
    assert clips(port) == 0
