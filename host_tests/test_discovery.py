# SPDX-License-Identifier: Apache-2.0
"""Tables made of files: nothing is lost silently."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from myna.discovery import by_name, constants, subclasses


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package whose module `base` defines a class."""
    folder = tmp_path / "kinds"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "base.py").write_text("class Kind: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "kinds"]:
        monkeypatch.delitem(sys.modules, name)
    return folder


def found() -> list[str]:
    base = __import__("kinds.base", fromlist=["Kind"]).Kind
    return [kind.__name__ for kind in subclasses("kinds", base, "op")]


def test_every_file_is_found(package: Path) -> None:
    (package / "a.py").write_text("from kinds.base import Kind\nclass Part(Kind): pass\n")
    (package / "b.py").write_text("from kinds.a import Part\nclass B(Part): op = 'b'\n")
    assert found() == ["B"]
    (package / "c.py").write_text("TABLE = {1: 2}\n")
    assert list(constants("kinds", "TABLE")) == [{1: 2}]


def test_a_class_without_its_name_is_no_silent_loss(package: Path) -> None:
    (package / "a.py").write_text("from kinds.base import Kind\nclass A(Kind): opp = 'a'\n")
    with pytest.raises(TypeError, match=r"kinds\.a\.A has no 'op'"):
        found()


def test_what_two_files_define_is_named() -> None:
    assert by_name([{"a": 1}, {"b": 2}]) == {"a": 1, "b": 2}
    with pytest.raises(ValueError, match="two files define a"):
        by_name([{"a": 1}, {"a": 2}])
