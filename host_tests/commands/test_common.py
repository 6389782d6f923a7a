# SPDX-License-Identifier: Apache-2.0
"""Results on disk say what was asked for, and not where they are."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from myna.commands.common import write_json


@pytest.mark.parametrize("form", [["--json", "FILE"], ["--json=FILE"]])
def test_where_a_result_is_does_not_belong_to_it(
    form: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "result.json"
    words = [word.replace("FILE", str(file)) for word in form]
    monkeypatch.setattr(sys, "argv", ["myna", "verify", "m", *words, "--steps", "2"])
    write_json(file, "verify", {"steps": 2})
    assert json.loads(file.read_text("utf-8"))["invocation"] == "myna verify m --steps 2"
