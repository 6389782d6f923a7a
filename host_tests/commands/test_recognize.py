# SPDX-License-Identifier: Apache-2.0
"""What a board hears, what it knows, and how it forgets: without naming its model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from myna.cli import cli
from myna.device import target
from myna.device.session import Board
from myna.errors import MynaError
from myna.project import open_project
from support import tiny_model

FULL = Path("/dev/full")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, arguments)])


@pytest.fixture
def port(tmp_path: Path) -> Iterator[str]:
    """A board that remembers, and has learned "one" from three takes."""
    project = open_project(tiny_model.folder(), tiny_model.HEAD)
    tiny_model.recordings(tmp_path / "takes", ("me",), ("a", "one", "two"), 4)
    with target.start("host", project.firmware("host").elf, tmp_path / "nv") as started:
        files = sorted((tmp_path / "takes" / "one").iterdir())[:3]
        options = ["--port", started, "--word", "one"]
        done = run("enroll", tiny_model.folder(), *options, *(f"--wav={f}" for f in files))
        assert done.exit_code == 0, done.exception
        yield started


def test_each_recording_is_said_to_be_the_word_it_is(port: str, tmp_path: Path) -> None:
    file = tmp_path / "heard.json"
    files = [sorted((tmp_path / "takes" / word).iterdir())[3] for word in ("a", "one")]
    options = ["--port", port, "--json", file]
    with Board.connect(port) as board:
        before = board.read_state()
    assert run("recognize", *files, *options).exit_code == 0
    heard = json.loads(file.read_text("utf-8"))["heard"]
    assert [entry["word"] for entry in heard] == ["a", "one"]
    with Board.connect(port) as board:
        assert (board.read_state(), board.status().clips) == (before, 3)


def test_words_are_listed_with_their_takes(port: str, tmp_path: Path) -> None:
    file = tmp_path / "words.json"
    done = run("words", "--port", port, "--json", file)
    assert done.exit_code == 0, done.exception
    result = json.loads(file.read_text("utf-8"))
    assert [(e["word"], e["learned"], e["takes"]) for e in result["words"][-2:]] == [
        ("silence", False, 0),
        ("one", True, 3),
    ]
    assert result["room"] == {"classes": 1, "clips": 45}
    assert "one, 3 takes" in done.output


def test_a_reset_forgets_what_was_saved_too(port: str) -> None:
    assert run("reset", "--port", port).exit_code == 1  # nobody answers the question
    with Board.connect(port) as board:
        assert (board.status().classes, board.status().clips) == (5, 3)
    assert run("reset", "--port", port, "--yes").exit_code == 0
    with Board.connect(port) as board:
        status = board.status()
        assert (status.classes, status.clips, status.stored_sequence) == (4, 0, 0)


def test_a_file_that_cannot_be_heard_keeps_none_from_being_heard(port: str, tmp_path: Path) -> None:
    file, bad = tmp_path / "heard.json", [tmp_path / "bad.wav", tmp_path / "none.wav"]
    bad[0].write_bytes(b"RIFF")
    good = sorted((tmp_path / "takes" / "one").iterdir())[3]
    for wrong in (bad[:1], bad):
        done = run("recognize", *wrong, good, "--port", port, "--json", file)
        assert isinstance(done.exception, MynaError)
        assert f"{len(wrong)} of {len(wrong) + 1} recordings" in str(done.exception)
        heard = json.loads(file.read_text("utf-8"))["heard"]
        assert [(e["file"], e["word"]) for e in heard] == [
            *((str(path), None) for path in wrong),
            (str(good), "one"),
        ]
        assert f"{good}: 'one'" in done.output
        assert all(f"{e['file']}: {e['verdict']}" in done.output for e in heard[:-1])


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
def test_what_is_heard_is_said_though_the_result_cannot_be_written(
    port: str, tmp_path: Path
) -> None:
    good = sorted((tmp_path / "takes" / "one").iterdir())[3]
    done = run("recognize", good, "--port", port, "--json", FULL)
    assert isinstance(done.exception, MynaError)
    assert f"{good}: 'one'" in done.output
