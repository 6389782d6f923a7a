# SPDX-License-Identifier: Apache-2.0
"""The demonstration, end to end, with a network and recordings small enough for a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.image
import pytest
from click.testing import CliRunner, Result
from myna.audio.dataset import split_of
from myna.cli import cli
from myna.commands.demo import _fitting
from myna.errors import MynaError
from myna.evaluation.speech import synthetic_user
from myna.evaluation.verified_enrollment import VerifiedEnrollment
from myna.learn.recipe import Recipe
from myna.passes.pipeline import Options
from myna.project import open_project
from support import tiny_model

SPEAKER = next(s for s in (f"user{i}" for i in range(200)) if split_of(s) == "test")
RECIPE = Recipe(epochs=15, enough=0.0, rehearsals=1, vary=False)
STATE = {
    plan: open_project(tiny_model.folder(), Options(train=plan)).program.state_bytes
    for plan in ("head", "all")
}


@pytest.fixture
def tones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(Recipe, "of", lambda **_: RECIPE)
    return tiny_model.recordings(tmp_path / "data", (SPEAKER,), ("a", "one", "two"), 5)


def demo(output: Path, *arguments: object) -> tuple[Result, dict[str, Any]]:
    command = ["demo", tiny_model.folder(), "-o", output, *arguments]
    done = CliRunner().invoke(cli, [str(argument) for argument in command])
    assert done.exit_code == 0, (done.output, done.exception)
    return done, json.loads((output / "demo.json").read_text())


def check(result: dict[str, Any], output: Path, plan: str = "head") -> None:
    """One new-words lesson with tones: all epochs compared, learned, drawn."""
    steps = 15 * result["enrolled"] * 2
    assert result["steps"] == len(result["losses"]) == steps
    assert result["compared"] == 15 * STATE[plan]  # after every epoch
    assert (result["differences"], result["first_difference"]) == (0, None)
    assert result["before"] == 0
    assert result["after"] == result["tests"][-1][1] > 80  # on the board, and in the reference
    # the head alone has no gradient whose range is tracked
    lengths = {len(values) for values in result["ranges"].values()}
    assert lengths == ({steps} if plan == "all" else set())
    picture = matplotlib.image.imread(output / "demo.png")
    assert picture.shape[0] > 500
    assert picture[..., :3].std() > 0.05


@pytest.mark.parametrize("plan", STATE)
def test_on_the_host_board(plan: str, tones: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    board = ("--board", "host", "--train", plan)
    done, result = demo(output, *board, "--data", tones, "--shots", "2")
    assert (result["enrolled"], result["tested"], result["words"]) == (4, 6, ["one", "two"])
    check(result, output, plan)
    assert result["ram"] is None
    assert f"speaker {SPEAKER}" in done.output


def test_a_difference_ends_with_status_1(
    tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = VerifiedEnrollment.train

    def train_wrongly(self: VerifiedEnrollment, *arguments: Any) -> None:
        train(self, *arguments)
        self.comparison.differences += 1

    monkeypatch.setattr(VerifiedEnrollment, "train", train_wrongly)
    command = ["demo", tiny_model.folder(), "-o", tmp_path, "--board", "host", "--data", tones]
    done = CliRunner().invoke(cli, [*map(str, command), "--shots", "1"])
    assert done.exit_code == 1
    assert " 1 differences" in done.output
    assert json.loads((tmp_path / "demo.json").read_text("utf-8"))["differences"] == 1


def test_takes_are_as_many_as_there_is_room_for(tones: Path, tmp_path: Path) -> None:
    wanted = ["--board", "host", "--data", tones]
    assert demo(tmp_path / "out", *wanted, "--words", "one,two")[1]["shots"] == 3
    assert open_project(tiny_model.folder(), Options(clips=2000)).options.clips == 2000
    project = open_project(tiny_model.folder(), Options(clips=4))
    assert [_fitting(project, 2, None), _fitting(project, 1, None), _fitting(project, 2, 2)] == [
        *(2, 3, 2)
    ]
    with pytest.raises(MynaError, match="stores 4 clips, 2 words need at least 6"):
        _fitting(project, 2, 3)


@pytest.mark.qemu
def test_on_an_emulated_core_with_memory_measured(tones: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    _, result = demo(output, "--board", "qemu_m4", "--data", tones, "--shots", "2")
    check(result, output)
    ram = result["ram"]
    parts = ("arena", "state", "clips", "stack", "other")
    assert ram["total"] == sum(ram[part] for part in parts)
    assert all(ram[part] > 0 for part in parts)
    assert ram["flash"] > ram["state"]


def test_without_emulator_it_runs_on_the_host_and_says_so(
    tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("myna.commands.demo.missing_programs", lambda _: ["qemu-system-arm"])
    words = ("--data", tones, "--words", "a,one", "--speaker", SPEAKER)
    done, result = demo(tmp_path / "out", *words)
    assert "qemu-system-arm not installed: runs on host instead of qemu_m4" in done.output
    assert result["board"] == "host"


def test_without_any_compiler_it_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("myna.commands.demo.open_project", lambda *_: pytest.fail("too late"))
    done = CliRunner().invoke(cli, ["demo", str(tiny_model.folder()), "-o", str(tmp_path)])
    assert isinstance(done.exception, MynaError)
    assert "gcc is not installed" in str(done.exception)


def test_synthetic_voice_never_says_a_word_twice_alike() -> None:
    pytest.importorskip("espeakng_loader")
    enrolled, tested = synthetic_user(("kitchen", "sunrise"), 3, seed=1)
    assert [take.word for take in enrolled] == ["kitchen"] * 3 + ["sunrise"] * 3
    assert len(tested) == 10
    assert len({take.pcm.tobytes() for take in enrolled + tested}) == 16


def test_speaker_without_spare_takes(tones: Path, tmp_path: Path) -> None:
    arguments = ["demo", str(tiny_model.folder()), "--board", "host", "--data", str(tones)]
    arguments += ["--speaker", SPEAKER, "--shots", "5", "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(cli, arguments)
    assert isinstance(done.exception, MynaError)
    assert "no take beyond 5" in str(done.exception)
