# SPDX-License-Identifier: Apache-2.0
"""What tells voices apart is made by anyone who has recordings, and boards are built with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from myna.audio.dataset import split_of
from myna.cli import cli
from myna.errors import MynaError
from myna.names import OWNER, OWNER_THRESHOLD
from myna.package.voice import speakers_of
from myna.project import open_project
from support import tiny_model


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["voices", *map(str, arguments)])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model.folder(), tmp_path / "model"))


def test_a_model_learns_to_tell_voices(model: Path, tmp_path: Path) -> None:
    people = tuple(f"p{i}" for i in range(48))
    many = tiny_model.recordings(tmp_path / "many", people, ("a", "b"), 1)
    few = tiny_model.recordings(tmp_path / "few", ("me", "you", "she"), ("one",), 3)
    file = tmp_path / "voices.json"
    arguments = ["--data", many, "--owners", few, "--speakers", "me,you", "--shots", 2]
    done = run(model, *arguments, "--json", file)
    assert done.exit_code == 0, done.exception
    found = json.loads(file.read_text("utf-8"))
    heard = {name for name in people if split_of(name) == "train"}
    assert found["people"] == len(heard) < len(people)
    assert speakers_of(model) == heard | {"me", "you"}
    program = open_project(model, tiny_model.HEAD).program
    assert program.state.keys() >= {OWNER, OWNER_THRESHOLD}
    assert program.graph.tensors[OWNER_THRESHOLD].data.tolist() == [found["threshold"]]
    assert found["owners_refused"] <= 5


def test_nobody_is_an_owner_without_a_take_to_compare(model: Path, tmp_path: Path) -> None:
    people = tuple(f"p{i}" for i in range(48))
    many = tiny_model.recordings(tmp_path / "many", people, ("a", "b"), 1)
    with pytest.raises(MynaError, match="no owner has more than 1 takes"):
        CliRunner().invoke(
            cli,
            ["voices", str(model), "--data", str(many), "--owners", str(many), "--shots", "1"],
            catch_exceptions=False,
        )
    assert not (model / "voice.npz").exists()
