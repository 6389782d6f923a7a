# SPDX-License-Identifier: Apache-2.0
"""A model that tells its user: made, enrolled and asked by commands."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from myna.audio.dataset import Heard
from myna.cli import cli
from myna.device import target
from myna.device.session import Board
from myna.errors import MynaError
from myna.passes.pipeline import Options
from myna.project import MODELS, open_project
from support import tiny_model


def run(command: str, *arguments: object) -> Result:
    return CliRunner().invoke(cli, [command, *map(str, arguments)])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("galois")
    folder = tmp_path_factory.mktemp("verifier") / "doorman"
    done = run("verifier", MODELS / "kws", "--out", folder)
    assert done.exit_code == 0, done.exception
    assert "8192 codewords of 255 bits" in done.output
    return folder


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    folder = tiny_model.recordings(tmp_path / "takes", ("me",), ("one", "two"), 4)
    return sorted(folder.glob("*/*"))


@pytest.fixture
def port(model: Path, tmp_path: Path) -> Iterator[str]:
    elf = open_project(model, Options(train="head")).firmware("host").elf
    with target.start("host", elf, tmp_path / "nv") as started:
        yield started


def test_a_user_is_enrolled_and_told(
    port: str, model: Path, files: list[Path], tmp_path: Path
) -> None:
    result = tmp_path / "result.json"
    done = run("verify-user", "--port", port, "--json", result, files[0])
    assert (done.exit_code, "refused: nobody is enrolled" in done.output) == (3, True)
    done = run("enroll", model, "--port", port, "--owner", "--json", result, *files[:6])
    assert done.exit_code == 0, done.exception
    assert "3 takes learned by a secret codeword, drawn now; 3 takes set" in done.output
    assert "promise 75 % accepted, not 90 %" in done.output
    assert json.loads(result.read_text("utf-8"))["warm_up"] == 3
    done = run("verify-user", "--port", port, "--json", result, files[3])
    assert (done.exit_code, "accepted" in done.output) == (0, True), done.output
    (entry,) = json.loads(result.read_text("utf-8"))["verified"]
    assert (entry["word"], entry["verdict"]) == (None, "owner")
    with Board.connect(port) as board:
        assert board.status().clips == 0
    done = run("enroll", model, "--port", port, "--owner", "--tpr", 60, *files[:6])
    assert "the one from before" in done.output
    assert "promise" not in done.output
    done = run("recognize", "--port", port, files[0])
    assert isinstance(done.exception, MynaError)
    assert "would tell the user's codeword" in str(done.exception)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["--word", "one", "--owner"], "learns no words"),
        (["--owner"], "one take cannot be learned"),
    ],
)
def test_what_it_cannot_enroll_is_refused(
    port: str, model: Path, files: list[Path], given: list[str], problem: str
) -> None:
    done = run("enroll", model, "--port", port, *given, files[0])
    assert isinstance(done.exception, MynaError)
    assert problem in str(done.exception)


def test_who_was_heard_stays_known(tmp_path: Path) -> None:
    pytest.importorskip("galois")
    shutil.copytree(MODELS / "kws", tmp_path / "source")
    Heard(("somebody",), ("word",)).save(tmp_path / "source")
    done = run("verifier", tmp_path / "source", "--out", tmp_path / "own", "--code-length", 63)
    assert done.exit_code == 0, done.exception
    assert Heard.load(tmp_path / "own").speakers == ("somebody",)


def test_a_folder_with_a_model_stays(model: Path) -> None:
    done = run("verifier", MODELS / "kws", "--out", model)
    assert isinstance(done.exception, MynaError)
    assert "holds a model" in str(done.exception)


def test_a_model_that_learns_words_needs_one(files: list[Path], tmp_path: Path) -> None:
    folder = tiny_model.folder()
    elf = open_project(folder, tiny_model.HEAD).firmware("host").elf
    with target.start("host", elf, tmp_path / "nv") as started:
        usage = run("enroll", folder, "--port", started, *files[:2])
        done = run("enroll", folder, "--port", started, "--owner", *files[:2])
    assert usage.exit_code == 2
    assert "Missing option '--word'" in usage.output
    assert isinstance(done.exception, MynaError)
    assert "--word" in done.exception.fix
