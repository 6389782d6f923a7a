# SPDX-License-Identifier: Apache-2.0
"""Tables of figures are made from results' files, and the documents have them as they make them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from myna.bench.counters import Count
from myna.bench.result import Kernel
from myna.device.target import PROJECT
from myna.errors import MynaError
from myna.report import counts, highlights
from myna.report.figures import main, render
from myna.report.markdown import insert
from myna.report.roofline import draw_roofline

DOCS = PROJECT / "docs"
BENCHMARKS = DOCS / "benchmarks.md"


def result(**fields: Any) -> str:
    common = {
        "command": "evaluate",
        "invocation": "myna evaluate M",
        "model": "models/kws",
        "data": "words",
    }
    return json.dumps({**common, **fields})


def test_benchmarks_show_the_committed_results() -> None:
    assert render(DOCS / "figures") in BENCHMARKS.read_text("utf-8")


def test_readme_shows_six_of_the_committed_results(tmp_path: Path) -> None:
    text = (PROJECT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 120
    found = highlights.render(DOCS)
    assert found in text
    assert len(found.splitlines()) == 2 + 6
    document = tmp_path / "README.md"
    document.write_text(text.replace("differences", "something"), "utf-8")
    assert CliRunner().invoke(highlights.main, [str(DOCS), str(document)]).exit_code == 0
    assert document.read_text("utf-8") == text


def test_a_missing_or_wrong_highlight_is_named(tmp_path: Path) -> None:
    with pytest.raises(MynaError, match=r"00-accuracy-kws\.json: is no result that a table"):
        highlights.render(tmp_path)
    shutil.copytree(DOCS / "figures", tmp_path / "figures")
    shutil.copytree(DOCS / "bench", tmp_path / "bench")
    path = tmp_path / "bench" / "ds_cnn-qemu_m4.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"kernels": []}), "utf-8")
    with pytest.raises(MynaError, match=r"ds_cnn-qemu_m4\.json"):
        highlights.render(tmp_path)


def test_benchmarks_show_the_committed_counts() -> None:
    boards = ("qemu_m3", "qemu_m4", "qemu_m55")
    paths = [DOCS / "bench" / f"ds_cnn-{board}.json" for board in boards]
    results = [json.loads(path.read_text("utf-8")) for path in paths]
    assert counts.render(results) in BENCHMARKS.read_text("utf-8")


def test_counts_of_different_models_are_not_compared() -> None:
    common = {"train": "all", "board": "qemu_m4", "kernels": []}
    with pytest.raises(MynaError, match="one model"):
        counts.render([{"model": "a", **common}, {"model": "b", **common}])
    with pytest.raises(MynaError, match="no result of myna bench"):
        counts.render([{"model": "a"}])


def test_a_file_that_is_no_result_is_named(tmp_path: Path) -> None:
    for name, text in (("text.json", "Apache License"), ("other.json", '{"model": "a"}')):
        (tmp_path / name).write_text(text, "utf-8")
        with pytest.raises(MynaError, match=f"{name}: is no result of myna bench"):
            counts.read(tmp_path / name)


@pytest.mark.parametrize("name", ["file/picture.png", "picture.nonsense"])
def test_a_picture_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    kernel = Kernel("dense", (2,), 4, Count(8, 4, 2, 0))
    with pytest.raises(MynaError, match=f"{name}: cannot write the picture"):
        draw_roofline([kernel], "kernels", tmp_path / name)


@pytest.mark.parametrize(("ram", "shown"), [(65536, "64K"), (65000, "65000")])
def test_a_limit_of_ram_is_shown(ram: int, shown: str, tmp_path: Path) -> None:
    limited = {"protocol": "new-words", "shots": 1, "speakers": ["a"], "engine": "host"}
    (tmp_path / "1.json").write_text(result(**limited, train="all", ram=ram), "utf-8")
    assert f"1 users, host, --train all --ram {shown} |" in render(tmp_path)


def test_rows_follow_the_names_of_files(tmp_path: Path) -> None:
    value = {"mean": 90.04, "ci95": 1.26}
    words = {"protocol": "new-words", "shots": 1, "speakers": ["a", "b"], "engine": "host"}
    means = {"before": {"mean": 0.0, "ci95": 0.0}, "after": value}
    (tmp_path / "2.json").write_text(
        result(**words, **means, known_before=None, known_after=None), "utf-8"
    )
    accuracy = {"command": "accuracy", "engine": "host", "accuracy": 93.456, "tested": 1064}
    (tmp_path / "1.json").write_text(result(**accuracy, data="speech_commands"), "utf-8")
    lines = render(tmp_path).splitlines()[2:]
    assert "93.46 %" in lines[0] and "1,064 clips" in lines[0]
    assert "--ram" not in lines[1]
    assert "new-words, words, 1 shot, 2 users" in lines[1] and "0.0 % → 90.0 ± 1.3 %" in lines[1]
    assert "known" not in lines[1]
    assert lines[1].endswith("| `myna evaluate M` |")


@pytest.mark.parametrize("text", ["{", "{}", '{"command": "nothing"}', result(protocol="x")])
def test_files_that_are_no_results_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text, "utf-8")
    with pytest.raises(MynaError, match=r"bad\.json"):
        render(tmp_path)


def test_a_document_keeps_what_is_around_the_table(tmp_path: Path) -> None:
    document = tmp_path / "a.md"
    document.write_text("before\n<!-- figures begin -->\nold\n<!-- figures end -->\nafter\n")
    folder = tmp_path / "figures"
    folder.mkdir()
    assert CliRunner().invoke(main, [str(folder), str(document)]).exit_code == 0
    text = document.read_text("utf-8")
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    with pytest.raises(MynaError, match="lacks"):
        insert("no markers", "figures", "x")


def test_users_who_learned_together_are_told_apart_by_error_rates(tmp_path: Path) -> None:
    rates = {name: {"mean": 20.0, "ci95": 5.0} for name in ("before", "after", "local_only")}
    result = {
        **{"command": "federate", "model": "doorman", "data": "voices", "strategy": "fedavg"},
        **{"invocation": "myna federate", "clients": 6, "rounds": 30, "unseen_speakers": 9},
        **dict.fromkeys(("centralized", "personalized")),
        **{"code_length": 255, "unseen": {"eer": 20.0}, **rates},
        **{"bytes_up_per_client_round": 1.0, "bytes_down_per_client_round": 2.0},
    }
    (tmp_path / "one.json").write_text(json.dumps(result), "utf-8")
    shown = render(tmp_path)
    assert "9 unseen" in shown
    assert "EER with unseen impostors 20.0 % → 20.0 ± 5.0 %; own takes only" in shown
