# SPDX-License-Identifier: Apache-2.0
"""Accuracy against bytes: what is drawn, and what cannot be drawn together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from myna.errors import MynaError
from myna.report import bandwidth
from myna.report.bandwidth import draw_bandwidth, main


def result(up: float, mean: float, **fields: Any) -> dict[str, Any]:
    common = {
        "command": "federate",
        "model": "models/kws",
        "data": "words",
        "speakers": ["a", "b"],
        "unseen": ["c"],
        "clients": 2,
        "rounds": 3,
        "strategy": "fedavg",
        "seed": 1,
        "train": "head",
        "float32_bytes": 3200,
        "bytes_up_per_client_round": up,
        "after": {"mean": mean, "ci95": None},
        "personalized": {"mean": mean + 5, "ci95": 2.0},
    }
    return common | fields


def test_points_are_in_the_order_of_their_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Any] = []
    monkeypatch.setattr(bandwidth, "save_picture", lambda figure, path: figures.append(figure))
    draw_bandwidth([result(900, 80), result(100, 70)], tmp_path / "x.png")
    (axes,) = figures[0].axes
    drawn = {box.get_label(): box.lines[0].get_xydata().tolist() for box in axes.containers}
    assert drawn["for everybody"] == [[100, 70], [900, 80]]
    assert drawn["personalized"] == [[100, 75], [900, 85]]
    (limit,) = (line for line in axes.lines if line.get_label() == "float32 / 32")
    assert [*limit.get_xdata()] == [100, 100]


def test_results_of_files_become_a_picture(tmp_path: Path) -> None:
    paths = []
    for up in (100, 900):
        paths.append(tmp_path / f"{up}.json")
        paths[-1].write_text(json.dumps(result(up, 70)), "utf-8")
    picture = tmp_path / "bytes.png"
    ended = CliRunner().invoke(main, [str(picture), *map(str, paths)])
    assert ended.exit_code == 0, ended.output
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_other_federations_and_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MynaError, match="different federations"):
        draw_bandwidth([result(1, 2), result(1, 2, rounds=4)], tmp_path / "x.png")
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"command": "bench"}), "utf-8")
    ended = CliRunner().invoke(main, [str(tmp_path / "x.png"), str(path)])
    assert "is no result of `myna federate`" in str(ended.exception)
    assert not (tmp_path / "x.png").exists()
