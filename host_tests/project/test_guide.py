# SPDX-License-Identifier: Apache-2.0
"""The guide, run block by block in an empty folder; its figures are roughly what came out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from myna.device.target import PROJECT

pytestmark = [pytest.mark.train, pytest.mark.qemu]
GUIDE = PROJECT / "docs" / "train-your-own-model.md"
NUMBER = re.compile(r"\d+(?:\.\d+)?")
POINTS = 15.0  # by which a figure may differ; zero stays zero
MARK = "<<block {}>>"


def blocks() -> list[tuple[str, str]]:
    """Language and text of every fence."""
    parsed = MarkdownIt("commonmark").parse(GUIDE.read_text("utf-8"))
    return [(token.info, token.content) for token in parsed if token.type == "fence"]


def session(found: list[tuple[str, str]]) -> str:
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


def outputs(printed: str) -> dict[int, str]:
    """What each block printed."""
    parts = re.split(MARK.format(r"(\d+)"), printed)
    return {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}


def alike(stated: str, found: str) -> bool:
    """Whether two texts differ in nothing but a little in their numbers."""
    if NUMBER.sub("#", stated).split() != NUMBER.sub("#", found).split():
        return False
    pairs = zip(NUMBER.findall(stated), NUMBER.findall(found), strict=True)
    near = [(float(a), float(b)) for a, b in pairs]
    return all(abs(a - b) <= POINTS and (a == 0) == (b == 0) for a, b in near)


def test_the_guide_works(tmp_path: Path) -> None:
    found = blocks()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-c", session(found)],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    printed = outputs(done.stdout)
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
