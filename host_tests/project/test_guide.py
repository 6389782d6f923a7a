# SPDX-License-Identifier: Apache-2.0
"""The guides, run block by block in an empty folder; what they print is what they state."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from myna.device.target import PROJECT

OWN_MODEL = PROJECT / "docs" / "train-your-own-model.md"
TRAINING_STEP = PROJECT / "docs" / "training-step.md"
NUMBER = re.compile(r"\d+(?:\.\d+)?")
POINTS = 15.0  # by which a figure may differ; zero stays zero
MARK = "<<block {}>>"

Block = tuple[str, str]  # language and text of a fence


def blocks(guide: Path) -> list[Block]:
    parsed = MarkdownIt("commonmark").parse(guide.read_text("utf-8"))
    return [(token.info, token.content) for token in parsed if token.type == "fence"]


def session(found: list[Block]) -> str:
    """All blocks that a reader runs, as one Python program."""
    parts = []
    for number, (language, text) in enumerate(found):
        parts.append(f"print({MARK.format(number)!r}, flush=True)")
        if language == "python":
            parts.append(text)
        elif language == "sh":
            run = f"subprocess.run({text!r}, shell=True, check=True)"
            parts.append(f"import subprocess; {run}")
    return "\n".join(parts)


def outputs(found: list[Block], folder: Path, ending: str = "") -> dict[int, str]:
    """What each block printed, run in this folder; a program may end the session."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-c", f"{session(found)}\n{ending}"],
        cwd=folder,
        env={**os.environ, "PATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
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
def test_the_guide_works(tmp_path: Path) -> None:
    found = blocks(OWN_MODEL)
    printed = outputs(found, tmp_path)
    stated = [number for number, (language, _) in enumerate(found) if language == "text"]
    assert len(stated) >= 3
    for number in stated:
        text = found[number][1]
        assert alike(text, printed[number - 1]), f"stated:\n{text}\nfound:\n{printed[number - 1]}"
    assert " 0 differences" in "".join(printed.values())
    assert (tmp_path / "tuned.h").stat().st_size > (tmp_path / "tuned.tflite").stat().st_size


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
