# SPDX-License-Identifier: Apache-2.0
"""Results on disk say what was asked for, and not where they are."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from myna.cli import cli
from myna.commands.common import names, write_json
from myna.errors import MynaError
from support import tiny_model


@pytest.mark.parametrize("form", [["--json", "FILE"], ["--json=FILE"]])
def test_where_a_result_is_does_not_belong_to_it(
    form: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "result.json"
    words = [word.replace("FILE", str(file)) for word in form]
    monkeypatch.setattr(sys, "argv", ["myna", "verify", "m", *words, "--steps", "2"])
    write_json(file, "verify", {"steps": 2})
    assert json.loads(file.read_text("utf-8"))["invocation"] == "myna verify m --steps 2"


@pytest.mark.parametrize(
    ("text", "says"), [("a,b,a", "names 'a' twice"), ("a,,b", "empty"), ("a, ", "empty")]
)
def test_names_are_told_apart(text: str, says: str) -> None:
    assert names("a,b") == ("a", "b")
    assert names(None) is None
    with pytest.raises(MynaError, match=says):
        names(text)


@pytest.mark.parametrize(
    "words",
    [
        ("federate", "MODEL", "--data", "DATA", "--output", "WRONG"),
        ("federate", "MODEL", "--data", "DATA", "--json", "WRONG"),
        ("bench", "MODEL", "--plot", "WRONG"),
    ],
    ids=lambda words: f"{words[0]} {words[-2]}",
)
def test_what_cannot_be_written_is_refused_before_the_work(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    """The data folder, which holds no recordings, is not even looked at."""
    (tmp_path / "file").touch()
    places = {
        "MODEL": str(tiny_model.folder()),
        "DATA": str(tmp_path),
        "WRONG": str(tmp_path / "file" / "x"),
    }
    ended = CliRunner().invoke(cli, [places.get(word, word) for word in words])
    assert isinstance(ended.exception, MynaError)
    assert "cannot be written" in str(ended.exception)
