# SPDX-License-Identifier: Apache-2.0
"""Rounds of a results file, as lines and as a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from myna.cli import cli
from myna.errors import MynaError
from myna.federated.store import ClientRow, RoundRow, Store
from myna.report.rounds import draw_rounds, summarize

Ask = Callable[..., Result]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A run of one round, then one of two: of four clients, of whom one, then three drop out.

    One of those who answer says nothing of its accuracy.
    """
    path = tmp_path / "fleet.db"
    with Store.open(path, {}, resume=False) as store:
        store.add_round(RoundRow(0, b"start", b"start"))
        store.add_round(RoundRow(1, b"other", b"other"), [ClientRow(0, "a", 4, 1.0)])
    with Store.open(path, {}, resume=False) as store:
        store.add_round(RoundRow(0, b"start", b"start"))
        rows = [
            ClientRow(0, "a", 4, 25.0, bytes_up=1000, bytes_down=70),
            ClientRow(1, "b", 4, 50.0, bytes_up=1001, bytes_down=70),
            ClientRow(2, "c", bytes_down=70, dropout="pulled"),
            ClientRow(3, "d", 4, bytes_up=1000, bytes_down=70),
        ]
        store.add_round(RoundRow(1, b"first", b"first", b"", 8, 2.5), rows)
        rows = [ClientRow(i, "x", bytes_down=70, dropout="pulled") for i in range(3)]
        store.add_round(RoundRow(2, b"first", b"first", b"", 0, 1.5), rows)
    return path


def ask(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["report", *map(str, words)])


def test_a_line_for_each_round_of_the_last_run(results: Path) -> None:
    head, *lines = ask(results).output.splitlines()
    assert len({len(line) for line in lines}) == 1
    assert [line.split() for line in lines] == [
        ["1", "37.5", "%", "3", "1", "3,001", "280", "2.5", RoundRow(1, b"first", b"").digest],
        ["2", "-", "0", "3", "0", "210", "1.5", RoundRow(2, b"first", b"").digest],
    ]
    for title in ("dropouts", "bytes up", "down", "seconds"):  # numbers end under their titles
        end = head.index(title) + len(title)
        assert all(line[end - 1].isdigit() and line[end] == " " for line in lines), title


def test_a_picture_is_drawn_also_of_rounds_in_which_nobody_answered(
    results: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "rounds.png"
    assert ask(results, "-o", picture).exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    with Store.latest(results) as store:
        draw_rounds(summarize(store)[1:], "nobody", picture)


def test_a_file_that_is_none_of_results_is_named(tmp_path: Path, results: Path) -> None:
    other = tmp_path / "other.db"
    other.write_text("no database, but long enough to be looked at" * 9)
    empty = tmp_path / "empty.db"
    with Store.open(empty, {}, resume=False) as store:
        store.add_round(RoundRow(0, b"start", b"start"))
    for path, says in (
        (tmp_path / "missing.db", "unable to open"),
        (other, "not a database"),
        (empty, "holds no whole round"),
    ):
        error = ask(path).exception
        assert isinstance(error, MynaError)
        assert says in error.what
        assert error.where == str(path)
    assert not (tmp_path / "missing.db").exists()
