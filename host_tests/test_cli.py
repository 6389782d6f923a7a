# SPDX-License-Identifier: Apache-2.0
"""Whatever the disk refuses ends in one message, without a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from myna.audio.dataset import split_of
from myna.device.target import PROJECT
from support import tiny_model
from support.sounds import write_sound

FULL = Path("/dev/full")


def run(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from myna.cli import main; main()", *map(str, arguments)]
    environment = {**os.environ, **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def said(*arguments: object) -> str:
    """What a command that must fail says."""
    done = run(*arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
    assert "\n  -> " in done.stderr, done.stderr
    return done.stderr


def test_an_output_that_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "taken"
    file.write_text("mine", "utf-8")
    for output in (file, file / "below"):
        assert str(file) in said("build", tiny_model.folder(), "--board", "host", "-o", output)
    assert file.read_text("utf-8") == "mine"


def test_a_model_that_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_text("{}", "utf-8")
    assert "model" in said("verify", file)


def test_a_home_that_cannot_be_written_is_no_matter() -> None:
    done = run("analyze", "memory", tiny_model.folder(), HOME="/proc")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
def test_a_full_disk() -> None:
    text = said("verify", PROJECT / "models" / "ds_cnn", "--steps", "1", "--json", FULL)
    assert "No space left" in text
    assert str(PROJECT) not in text


def test_an_interruption_while_the_program_loads_is_no_traceback() -> None:
    """As when Ctrl-C is pressed right after the command."""
    program = """
import sys
from myna.__main__ import main

class Interrupted:
    def find_spec(self, name, *_):
        if name == "myna.cli":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
main()
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "Aborted!\n")


def test_a_result_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    """The model is missing, too, and is not looked for."""
    file = tmp_path / "file"
    file.write_text("mine", "utf-8")
    assert "part of its path is a file" in said("verify", "nothing", "--json", file / "x.json")
    assert file.read_text("utf-8") == "mine"
    for place in (tmp_path / "x.json", tmp_path / "new" / "x.json"):
        assert "nothing" in said("verify", "nothing", "--json", place)
        assert not place.exists()


def test_a_conversion_is_said_in_one_line(tmp_path: Path) -> None:
    someone = next(name for name in map(str, range(99)) if split_of(name) == "test")
    for take in range(3):
        (tmp_path / "data" / "a").mkdir(parents=True, exist_ok=True)
        path = tmp_path / "data" / "a" / f"{someone}_{take}.wav"
        sound = np.repeat(tiny_model.tone("a", take), 3)
        write_sound(path, np.stack([sound, sound], 1), 48000)
    done = run("accuracy", tiny_model.folder(), "--data", tmp_path / "data")
    notes = [line for line in done.stderr.splitlines() if "converted" in line]
    assert len(notes) == 1, done.stderr
    assert notes[0].startswith(f"note: {tmp_path / 'data' / 'a'}: recordings are converted")
    assert f"{someone}_0.wav (48000 Hz, 2 channels)" in notes[0]
