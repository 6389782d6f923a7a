# SPDX-License-Identifier: Apache-2.0
"""TensorFlow is imported in one place: users see our messages alone, and what to install."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from myna.device.target import PROJECT
from support import tiny_model

DRAW = """
from myna.tensorflow import keras
layers = [keras.Input((8,)), keras.layers.Dense(3, activation="softmax")]
keras.Sequential(layers).save("small.keras")
"""
MISSING = "import sys; sys.modules['keras'] = None\n"
MAIN = "from myna.cli import main; main()"
IMPORT = ("import", "small.keras", "--out", "small", "--calibration", "small.npz")


def run(folder: Path, code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A program in a folder, as users start it: without TensorFlow's variables."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=folder,
        env=ours,
        capture_output=True,
        text=True,
        check=False,
    )


def data(folder: Path) -> Path:
    return tiny_model.recordings(folder, tuple("stuvwxyz"), ("a", "b", "one", "two"), 2)


@pytest.mark.train
def test_nothing_is_said_but_what_myna_says(tmp_path: Path) -> None:
    drawn = run(tmp_path, DRAW)
    assert (drawn.returncode, drawn.stderr) == (0, "")
    x = np.random.default_rng(1).normal(size=(12, 8)).astype(np.float32)
    np.savez(tmp_path / "small.npz", features=x, labels=np.arange(12) % 3)
    done = run(tmp_path, MAIN, *IMPORT)
    assert (done.returncode, done.stderr) == (0, "")
    measured = ("--data", data(tmp_path / "data"), "--protocol", "new-words", "--seed", "1")
    words = ("--new-words", "one,two", "--engine", "float", "--shots", "1", "--speakers", "s")
    done = run(tmp_path, MAIN, "evaluate", tiny_model.folder(), *measured, *words)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.mark.parametrize("command", ["import", "train"])
def test_without_it_a_message_says_what_to_install(tmp_path: Path, command: str) -> None:
    (tmp_path / "small.keras").write_bytes(b"PK")
    rest = {"import": IMPORT[1:], "train": ("--data", ".", "--words", "a", "--out", "o")}[command]
    done = run(tmp_path, MISSING + MAIN, command, *rest)
    assert done.returncode == 1
    assert done.stderr.startswith("error: TensorFlow cannot be used")
    assert "pip install -e '.[train]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_was_said_is_shown_if_it_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "keras.py").write_text(
        "import os; os.write(2, b'no AVX\\n'); raise ImportError('x')"
    )
    done = run(tmp_path, "import sys; sys.path.insert(0, '.')\nimport myna.tensorflow")
    assert "no AVX" in done.stderr


def test_it_is_imported_in_one_place() -> None:
    pattern = re.compile(r"^ *(?:import|from) (?:tensorflow|keras)\b", re.MULTILINE)
    paths = (PROJECT / "toolchain").rglob("*.py")
    found = [path.name for path in paths if pattern.search(path.read_text("utf-8"))]
    assert found == ["tensorflow.py"]
