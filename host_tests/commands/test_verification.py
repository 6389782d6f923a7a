# SPDX-License-Identifier: Apache-2.0
"""``myna evaluate --protocol verification``: from recordings to the figures of its contract."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from myna.cli import cli
from myna.federated import verification
from myna.project import MODELS
from support.voices import pitches


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return pitches(tmp_path / "data", 6)


def test_users_are_verified(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("galois")
    monkeypatch.setattr(verification, "ROUNDS", 6)
    out = tmp_path / "result.json"
    command = ["evaluate", str(MODELS / "kws"), "--data", str(data), "--protocol", "verification"]
    options = ["--shots", "2", "--code-length", "63", "--json", str(out)]
    result = CliRunner().invoke(cli, [*command, *options])
    assert result.exit_code == 0, result.output
    assert "3 users, 2 takes each; 3 speakers never trained" in result.output
    found = json.loads(out.read_text())
    assert found["code_length"] == 63
    assert found["shots"] == 2
    for block in (found, found["seen"], found["unseen"], found["baseline"]):
        assert block["eer"] < 20
        assert block["tpr_at_fpr"].keys() == {"1", "5", "10"}


@pytest.mark.parametrize(
    ("protocol", "given", "named"),
    [
        ("verification", ["--speakers", "a"], "--speakers does nothing"),
        ("verification", ["--port", "x"], "--port does nothing"),
        ("verification", ["--train", "all"], "--train does nothing"),
        ("speaker", ["--code-length", "63"], "--code-length does nothing"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    protocol: str, given: list[str], named: str, data: Path
) -> None:
    command = ["evaluate", str(MODELS / "kws"), "--data", str(data), "--protocol", protocol]
    assert named in str(CliRunner().invoke(cli, [*command, *given]).exception)


@pytest.mark.parametrize("engine", ["float", "qemu_m4"])
def test_no_other_engine_is_asked(engine: str, data: Path) -> None:
    command = ["evaluate", str(MODELS / "kws"), "--data", str(data), "--protocol", "verification"]
    result = CliRunner().invoke(cli, [*command, "--engine", engine])
    assert "users are verified in this process alone" in str(result.exception)
