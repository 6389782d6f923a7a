# SPDX-License-Identifier: Apache-2.0
"""`myna verify` on the shipped models, and what the commands say about bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from myna.cli import cli
from myna.device import target
from myna.device.session import Board
from myna.device.target import PROJECT
from myna.errors import MynaError
from myna.package.calibration import load_calibration
from myna.passes.pipeline import Options
from myna.project import open_project
from support.pairs import pairs

MODELS = PROJECT / "models"
QEMU = [pytest.param(board, marks=pytest.mark.qemu) for board in ("qemu_m3", "qemu_m4", "qemu_m55")]


def run(*arguments: str) -> str:
    """Run a command in this process; what it raises is raised here."""
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(("model", "board"), pairs(["kws", "ds_cnn"], ["host", *QEMU]))
def test_shipped_models_are_bit_exact(model: str, board: str, tmp_path: Path) -> None:
    file = tmp_path / "verify.json"
    run("verify", str(MODELS / model), "--board", board, "--steps", "2", "--json", str(file))
    result = json.loads(file.read_text("utf-8"))
    assert result["command"] == "verify"
    assert (result["steps"], result["differences"]) == (2, 0)
    assert result["first_difference"] is None
    assert result["compared"] > 100
    assert result["seconds"] > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["verify", "nowhere"], ["nowhere", "architecture.json"]),
        (["verify", "models/kws", "--train", "no_such.w"], ["no_such.w", "last-K"]),
        (["verify", "models/kws", "--port", "/dev/nonexistent"], ["/dev/nonexistent", "port"]),
        (["verify", "models/kws", "--board", "qemu_m9"], ["qemu_m9", "qemu_m4"]),
        (["build", "models/kws", "--ram", "1000"], ["1000", "allow at least"]),
        (["build", "models/kws", "--train", "last-3", "--ram", "1000"], ["1000", "--train head"]),
    ],
)
def test_errors_say_what_where_and_what_to_do(arguments: list[str], words: list[str]) -> None:
    resolved = [str(PROJECT / a) if a.startswith("models/") else a for a in arguments]
    with pytest.raises(MynaError) as error:
        CliRunner().invoke(cli, resolved, catch_exceptions=False)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("name", ["int8.npz", "architecture.json"])
@pytest.mark.parametrize("damage", ["truncated", "empty", "garbage"])
def test_a_damaged_model_is_refused(name: str, damage: str, tmp_path: Path) -> None:
    for file in ("architecture.json", "int8.npz", "calibration.npz"):
        (tmp_path / file).write_bytes((MODELS / "ds_cnn" / file).read_bytes())
    whole = (tmp_path / name).read_bytes()
    damaged = {"truncated": whole[: len(whole) // 2], "empty": b"", "garbage": b"\x00\xff" * 500}
    (tmp_path / name).write_bytes(damaged[damage])
    with pytest.raises(MynaError) as error:
        CliRunner().invoke(cli, ["build", str(tmp_path)], catch_exceptions=False)
    assert name in str(error.value)


def test_a_running_board_keeps_what_it_has_learned(tmp_path: Path) -> None:
    model = MODELS / "ds_cnn"
    project = open_project(model, Options(train="all"))
    features, labels = load_calibration(model)
    with target.start("host", project.firmware("host").elf, tmp_path / "nv") as port:
        with Board.connect(port) as board:
            for slot in range(2):
                board.put_features(features[slot], slot, int(labels[slot]))
            board.train(3)
            learned = board.read_state()
        command = ["verify", str(model), "--port", port, "--steps", "2"]
        asked = CliRunner().invoke(cli, command, input="n\n")
        assert (asked.exit_code, "stores 2 clips" in asked.output) == (1, True)
        with Board.connect(port) as board:
            assert (board.read_state(), board.status().clips) == (learned, 2)
        assert CliRunner().invoke(cli, [*command, "--yes"]).exit_code == 0
        with Board.connect(port) as board:
            assert (board.read_state(), board.status().clips) == (learned, 0)
        assert CliRunner().invoke(cli, command).exit_code == 0  # there is nothing to ask for
