# SPDX-License-Identifier: Apache-2.0
"""CONTRIBUTING's "Add an op", followed by the letter on a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from myna.device.target import PROJECT

MOST_FILES = 8
FORMULAS = "\n`Maximum`: y = max(a, b). `MaximumGrad`: dy where its input is the larger, else 0.\n"


def commands() -> list[str]:
    """The shell blocks of the section, in order."""
    text = (PROJECT / "CONTRIBUTING.md").read_text("utf-8")
    section = re.split(r"(?m)^## ", text.partition("## Add an op\n")[2])[0]
    fences = MarkdownIt("commonmark").parse(section)
    return [token.content for token in fences if token.type == "fence" and token.info == "sh"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository under git, with this environment's Python."""
    if shutil.which("git") is None or not (PROJECT / ".git").exists():
        pytest.skip("not a git work tree")
    folder = tmp_path_factory.mktemp("recipe") / "myna"
    listed = run(PROJECT, "git", "ls-files", "--cached", "--others", "--exclude-standard")
    for name in listed.splitlines():
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder / name)
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / ".venv" / "bin" / "python").chmod(0o755)
    run(folder, "git", "init", "-q")
    run(folder, "git", "add", "--all")
    return folder


def run(folder: Path, *command: str) -> str:
    """Standard output of a command, which must succeed."""
    python = {"PYTHONPATH": str(folder / "toolchain"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment = {**os.environ, **python}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def changed(folder: Path) -> set[str]:
    """Files that are not as they were."""
    status = run(folder, "git", "status", "--porcelain", "--untracked-files=all")
    return {line[3:] for line in status.splitlines() if line[1] in "?M"}


@pytest.mark.train
def test_an_op_that_networks_use_is_added_in_eight_files(copy: Path) -> None:
    make, compare = commands()
    run(copy, "sh", "-euc", make)
    spec = copy / "SPEC.md"
    spec.write_text(spec.read_text("utf-8") + FORMULAS, "utf-8")
    printed = run(copy, "sh", "-euc", f"NAME=maximum\n{compare}")
    passed = [int(count) for count in re.findall(r"(\d+) passed", printed)]
    assert len(passed) == 2
    assert passed[0] > 40  # cases in NumPy, and the layer in floats, integers, Keras, TFLite-Micro
    assert " skipped" not in printed
    found = changed(copy)
    assert len(found) <= MOST_FILES, found
    assert "host_tests/golden/ops.json" in found
    run(copy, sys.executable, "-m", "mypy", "toolchain/myna/layers/maximum.py")
    kernels = [f"firmware/kernels/maximum.{end}" for end in "hc"]
    run(copy, str(Path(sys.executable).with_name("clang-format")), "--dry-run", "-Werror", *kernels)
    run(copy, sys.executable, "-m", "ruff", "check", "toolchain")
    run(copy, sys.executable, "-m", "ruff", "format", "--check", "toolchain")


@pytest.mark.nightly
@pytest.mark.train
def test_a_kernel_that_differs_is_found(copy: Path) -> None:
    """The recipe's last command compares the new kernel, too."""
    kernel = copy / "firmware" / "kernels" / "maximum.c"
    if not kernel.is_file():
        run(copy, "sh", "-euc", commands()[0])
    right = kernel.read_text("utf-8")
    kernel.write_text(right.replace("? a[i] : b[i]", "? b[i] : a[i]"), "utf-8")
    command = f"{sys.executable} -m pytest host_tests/firmware/kernels -k sanitized"
    with pytest.raises(AssertionError, match="case maximum"):
        run(copy, "sh", "-euc", command)
    kernel.write_text(right, "utf-8")
