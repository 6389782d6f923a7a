# SPDX-License-Identifier: Apache-2.0
"""The guides, run block by block in an empty folder; what they print is what they state."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
import tty
from pathlib import Path

import numpy as np
import pytest
from markdown_it import MarkdownIt
from myna import Options, Recipe, open_project, train
from myna.device import ports
from myna.device.status import Status
from myna.device.target import PROJECT
from support import workspaces

OWN_MODEL = PROJECT / "docs" / "train-your-own-model.md"
TRAINING_STEP = PROJECT / "docs" / "training-step.md"
NUMBER = re.compile(r"\d+(?:\.\d+)?")
BOARD = "qemu_m4"  # that the guide flashes
POINTS = 15.0  # by which a figure may differ; zero stays zero
MARK = "<<block {}>>"

Block = tuple[str, str]  # language and text of a fence


def blocks(guide: Path) -> list[Block]:
    parsed = MarkdownIt("commonmark").parse(guide.read_text("utf-8"))
    return [(token.info, token.content) for token in parsed if token.type == "fence"]


def typed(language: str, text: str) -> str:
    """What of a block is typed in a shell."""
    if language == "console":
        return "\n".join(line[2:] for line in text.splitlines() if line.startswith("$ "))
    return text if language == "sh" else ""


def session(found: list[Block]) -> str:
    """All blocks that a reader runs, as one Python program."""
    parts = []
    for number, (language, text) in enumerate(found):
        parts.append(f"print({MARK.format(number)!r}, flush=True)")
        if language == "python":
            parts.append(text)
        elif language == "c":  # its first comment names its file
            path = text.removeprefix("/* ").partition(":")[0]
            parts.append(f"import pathlib; pathlib.Path({path!r}).write_text({text!r})")
        elif command := typed(language, text):
            run = f"subprocess.run({f'set -e; {command}'!r}, shell=True, check=True)"
            parts.append(f"import subprocess; {run}")
    return "\n".join(parts)


def outputs(
    found: list[Block], folder: Path, ending: str = "", workspace: Path | None = None
) -> dict[int, str]:
    """What each block printed, run in this folder; a program may end the session.

    Boards that stay have their ports in the workspace, apart from those of whoever runs tests.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = {"PATH": path, "MYNA": str(PROJECT)}
    if workspace:
        variables |= workspaces.variables(workspace)
        variables["PORT"] = str(workspace / "ports" / BOARD)
    done = subprocess.run(
        [sys.executable, "-c", f"{session(found)}\n{ending}"],
        cwd=folder,
        env={**os.environ, **variables, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    parts = re.split(MARK.format(r"(\d+)") + "\n", done.stdout)
    return {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}


def alike(stated: str, found: str) -> bool:
    """Whether two texts differ in nothing but a little in their numbers."""
    if NUMBER.sub("#", stated).split() != NUMBER.sub("#", found).split():
        return False
    pairs = zip(NUMBER.findall(stated), NUMBER.findall(found), strict=True)
    near = [(float(a), float(b)) for a, b in pairs]
    return all(abs(a - b) <= POINTS and (a == 0) == (b == 0) for a, b in near)


@pytest.mark.train
@pytest.mark.qemu
def test_the_guide_works(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    found, workspace = blocks(OWN_MODEL), tmp_path_factory.mktemp("workspace")
    try:
        printed = outputs(found, tmp_path, workspace=workspace)
    finally:
        ports.halt(BOARD, workspace / "ports")
    stated = [number for number, (language, _) in enumerate(found) if language == "text"]
    assert len(stated) >= 3
    for number in stated:
        text = found[number][1]
        assert alike(text, printed[number - 1]), f"stated:\n{text}\nfound:\n{printed[number - 1]}"
    assert " 0 differences" in "".join(printed.values())
    exported = (tmp_path / "tuned.tflite").read_bytes()
    assert (tmp_path / "same.tflite").read_bytes() == exported
    assert (tmp_path / "tuned.h").stat().st_size > len(exported)
    assert b"motion" in (workspace / "build" / "host" / "firmware.elf").read_bytes()
    own_firmware_learns(tmp_path / "my_board" / "firmware", tmp_path / "motion")


def own_firmware_learns(program: Path, model: Path) -> None:
    """A program whose UART is its standard input and output; a pseudo-terminal has two ends."""
    project = open_project(model, Options(train="head"))
    end, ours = pty.openpty()
    tty.setraw(ours)
    with subprocess.Popen([program], stdin=end, stdout=end) as process:
        try:
            with project.connect(port=os.ttyname(ours)) as board:
                assert (board.info.board, board.info.model) == ("my_board", "motion")
                shape = project.program.graph.tensors["features"].shape
                board.put_features(np.zeros(shape, np.int8), 0, 5)
                train(board, project.program, Recipe(epochs=1, vary=False))
                status = board.status()
                assert (status.classes, status.storage) == (6, Status.NO_STORAGE)
                assert status.step > 0
        finally:
            process.kill()
            os.close(end)
            os.close(ours)


def test_figures_that_are_far_off_are_found() -> None:
    assert alike("circle: 0 % -> 100 %\n", "circle: 0 % -> 95 %")
    assert not alike("circle: 0 % -> 100 %", "circle: 5 % -> 100 %")
    assert not alike("circle: 0 % -> 100 %", "circle: 0 % -> 60 %")
    assert not alike("circle: 0 % -> 100 %", "square: 0 % -> 100 %")


def test_the_training_step_is_as_shown(tmp_path: Path) -> None:
    found = blocks(TRAINING_STEP)
    light = "import sys; assert 'tensorflow' not in sys.modules"
    printed = outputs(found, tmp_path, light)
    stated = {number: text for number, (language, text) in enumerate(found) if language == "text"}
    assert len(stated) > 9
    assert stated == {number: printed[number - 1] for number in stated}
    assert len(TRAINING_STEP.read_text("utf-8").splitlines()) <= 300


def state_outputs(guide: Path) -> None:
    """Make a guide state what its blocks print."""
    found, text = blocks(guide), guide.read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        printed = outputs(found, Path(folder))
    for number, (language, stated) in enumerate(found):
        if language == "text":
            fence = "```text\n{}```\n"
            text = text.replace(fence.format(stated), fence.format(printed[number - 1]), 1)
    guide.write_text(text, "utf-8")


if __name__ == "__main__":
    state_outputs(TRAINING_STEP)
