# SPDX-License-Identifier: Apache-2.0
"""Only the owner's voice: enrolled, asked for, refused, kept, and gone with its word."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from myna.audio.files import write_wav
from myna.cli import cli
from myna.device import target
from myna.device.session import Board
from myna.errors import MynaError
from myna.names import OWNER, OWNER_THRESHOLD
from myna.ops.similarity import ONE_Q15
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from myna.sessions.learning import patch_state, scalar
from myna.sessions.owner import require_owner_check
from support import tiny, tiny_model

ONE = len(tiny.LABELS)  # the class of the first word that is learned
MODEL = tiny_model.telling_voices


def run(command: str, *arguments: object) -> Result:
    return CliRunner().invoke(cli, [command, *map(str, arguments)])


@pytest.fixture(scope="module")
def project() -> Project:
    return open_project(MODEL(), tiny_model.HEAD)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    folder = tiny_model.recordings(tmp_path / "takes", ("me",), ("one", "two"), 4)
    return sorted((folder / "one").iterdir())


@pytest.fixture
def port(project: Project, files: list[Path], tmp_path: Path) -> Iterator[str]:
    """A board that has learned "one" by its owner."""
    with target.start("host", project.firmware("host").elf, tmp_path / "nv") as started:
        done = run("enroll", MODEL(), "--port", started, "--word", "one", "--owner", *files[:3])
        assert done.exit_code == 0, done.exception
        assert "the owner's voice" in done.output
        yield started


def set_threshold(port: str, project: Project, threshold: int) -> None:
    with Board.connect(port) as board:
        patch_state(board, project.program, OWNER_THRESHOLD, scalar(threshold))


def templates(port: str, project: Project) -> Any:
    with Board.connect(port) as board:
        return project.program.unpack(board.read_state())[OWNER]


def test_it_is_the_owner_from_the_threshold_on(
    port: str, project: Project, files: list[Path], tmp_path: Path
) -> None:
    result = tmp_path / "verified.json"
    done = run("verify-user", "--port", port, "--json", result, "--wav", files[3])
    assert (done.exit_code, "'one', accepted" in done.output) == (0, True), done.output
    (entry,) = json.loads(result.read_text("utf-8"))["verified"]
    assert (entry["accepted"], entry["verdict"]) == (True, "owner")
    set_threshold(port, project, round(entry["score"] * ONE_Q15) + 1)
    done = run("verify-user", "--port", port, "--json", result, *files[2:])
    assert (done.exit_code, "refused: not the owner" in done.output) == (3, True), done.output
    entries = json.loads(result.read_text("utf-8"))["verified"]
    assert entries[1] == entry | {"accepted": False, "verdict": "other_voice"}
    with Board.connect(port) as board:
        assert board.status().clips == 3  # nothing that was asked about stays


def test_a_word_without_an_owner_is_refused(port: str, files: list[Path], tmp_path: Path) -> None:
    known = tmp_path / "a.wav"
    write_wav(known, tiny_model.tone("a", 7))
    done = run("verify-user", "--port", port, known)
    assert (done.exit_code, "nobody enrolled this word" in done.output) == (3, True), done.output


def test_what_cannot_be_judged_is_an_error(port: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty.wav"
    write_wav(empty, tiny_model.tone("silence", 1) // 50)
    done = run("verify-user", "--port", port, empty)
    assert isinstance(done.exception, MynaError)
    assert str(empty) in str(done.exception)


def test_recognizing_says_whose_voice_it_is(port: str, project: Project, files: list[Path]) -> None:
    done = run("recognize", "--port", port, files[3])
    assert re.search(r": 'one' \(sound \d+\), the owner$", done.output, re.MULTILINE)
    set_threshold(port, project, 1 << 16)
    done = run("recognize", "--port", port, files[3])
    assert f"{files[3]}: 'one'" in done.output
    assert "refused: not the owner" in done.output


def test_listening_learns_from_the_owner_alone(
    port: str, project: Project, files: list[Path]
) -> None:
    for threshold, said in ((-(1 << 15), "the owner"), (1 << 16, "refused: not the owner")):
        set_threshold(port, project, threshold)
        done = run("adapt", MODEL(), "--port", port, files[3])
        assert f"'one', kept, {said}\n" in done.output
        with Board.connect(port) as board:
            assert board.status().clips == 4  # the refused one beside the accepted one is gone


def test_the_owners_voice_goes_with_its_word_and_comes_back_with_the_state(
    port: str, project: Project, tmp_path: Path
) -> None:
    before, kept = templates(port, project), tmp_path / "kept.npz"
    assert np.flatnonzero(before.any(1)).tolist() == [ONE]
    assert run("export", MODEL(), "--port", port, "-o", kept).exit_code == 0
    assert run("words", MODEL(), "--port", port, "--remove", "one").exit_code == 0
    assert not templates(port, project).any()
    done = run("restore", kept, "--port", port)
    assert done.exit_code == 0, done.exception
    assert np.array_equal(templates(port, project), before)


def test_an_enrollment_that_fails_leaves_no_owner(
    port: str, project: Project, files: list[Path]
) -> None:
    before = templates(port, project)
    same = [files[3], files[3]]
    arguments = ["--port", port, "--word", "two", "--owner", *same]
    assert run("enroll", MODEL(), *arguments).exit_code != 0
    assert np.array_equal(templates(port, project), before)


@pytest.mark.parametrize(
    ("folder", "options", "reason"),
    [
        (tiny_model.folder, tiny_model.HEAD, "has no voice.npz"),
        (MODEL, Options(train="head", ram=1 << 16), "built with --ram"),
    ],
)
def test_it_is_said_why_a_program_knows_no_owner(
    folder: Any, options: Options, reason: str
) -> None:
    with pytest.raises(MynaError, match=reason):
        require_owner_check(open_project(folder(), options))
