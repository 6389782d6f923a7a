# SPDX-License-Identifier: Apache-2.0
"""The picture of misses against false accepts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from myna.cli import cli
from myna.errors import MynaError
from myna.report.det import read_curves

CURVE = {"0.5": {"mean": 30.0, "ci95": 4.0}, "5": {"mean": 10.0, "ci95": None}}
RESULT = {
    "model": "models/kws",
    "words": ["lamp"],
    "shots": 5,
    "negative_hours": 3.25,
    "curve": CURVE,
    "baseline": {"curve": CURVE},
    "before": None,
}


def test_a_result_is_drawn_and_told(tmp_path: Path) -> None:
    result, picture = tmp_path / "stream.json", tmp_path / "det.png"
    result.write_text(json.dumps(RESULT), "utf-8")
    done = CliRunner().invoke(cli, ["report", str(result), "--output", str(picture)])
    assert done.exit_code == 0, done.output
    assert "kws: lamp, 5 takes, 3.2 hours" in done.output
    assert "detector, misses by false accepts per hour: 30.0 % at 0.5, 10.0 % at 5" in done.output
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_words_known_before_have_a_curve_of_their_own(tmp_path: Path) -> None:
    result = tmp_path / "stream.json"
    result.write_text(json.dumps(RESULT | {"before": {"curve": CURVE}}), "utf-8")
    assert len(read_curves(result)["curves"]) == 3


def test_another_result_is_refused(tmp_path: Path) -> None:
    result = tmp_path / "other.json"
    result.write_text("{}", "utf-8")
    with pytest.raises(MynaError, match="protocol stream"):
        read_curves(result)
