# SPDX-License-Identifier: Apache-2.0
"""What a model makes of speech without words is stored, and foils and thresholds come of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from myna.audio.files import write_wav
from myna.cli import cli
from myna.commands import negatives
from myna.errors import MynaError
from myna.evaluation.negatives import stored_negatives
from myna.package.negatives import NEGATIVES, load_negatives
from myna.package.package import load_package
from support import tiny, tiny_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model.folder(), tmp_path / "model"))


def body() -> int:
    return load_package(tiny_model.folder()).model.body_digest


@pytest.mark.parametrize(("foil", "step"), [(127, 3), (0, 0), (0, -1)])
def test_values_that_cannot_be_are_refused(model: Path, foil: int, step: int) -> None:
    foils, levels = np.full((2, 5), foil, np.int8), np.zeros((5, 9), np.int8)
    values = {"foils": foils, "by_input": levels, "step": np.int8(step), "body": np.uint32(7)}
    np.savez(model / NEGATIVES, **values)
    with pytest.raises(MynaError, match="holds values that cannot be"):
        load_negatives(model, 5, 7)


def test_the_same_negatives_are_stored_each_time(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("espeakng_loader")
    monkeypatch.setattr(negatives, "RUNNING_SOUNDS", 1)
    monkeypatch.setattr(negatives, "ALONE_SOUNDS", 1)
    files = []
    for _ in range(2):
        done = CliRunner().invoke(cli, ["negatives", str(model), "--jobs", "1"])
        assert done.exit_code == 0, done.output
        files.append((model / NEGATIVES).read_bytes())
    assert files[0] == files[1]
    with np.load(model / NEGATIVES) as arrays:
        inputs = arrays["foils"].shape[1]
    found = load_negatives(model, inputs, body())
    lengths = np.linalg.norm(found.foils.astype(float), axis=1)
    np.testing.assert_allclose(lengths, 127, atol=inputs**0.5)
    assert len(found.stream) > 200


def test_foils_come_of_a_folder_of_recordings(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tones = [tiny_model.tone(word, 1, 4.0) for word in ("a", "b", "c")]
    monkeypatch.setattr(negatives, "babble", lambda *_: [np.concatenate(tones)])
    command = ["negatives", str(model), "--jobs", "1"]
    assert CliRunner().invoke(cli, command).exit_code == 0
    with np.load(model / NEGATIVES) as arrays:
        inputs = arrays["foils"].shape[1]
    synthetic = load_negatives(model, inputs, body())
    folder = tmp_path / "sound"
    folder.mkdir()
    write_wav(folder / "one.wav", tiny_model.tone("one", 2, 8.0))
    (folder / "two.wav").write_bytes(b"no sound")
    done = CliRunner().invoke(cli, [*command, "--sound", str(folder)])
    assert done.exit_code == 0, done.output
    assert "left out" in done.output
    real = load_negatives(model, inputs, body())
    assert not np.array_equal(real.foils, synthetic.foils)
    np.testing.assert_array_equal(real.stream, synthetic.stream)


def test_stored_embeddings_are_near_those_that_were_heard() -> None:
    rng = np.random.default_rng(1)
    heard = rng.integers(-90, 91, (400, 6)).astype(np.int16)
    found = stored_negatives([heard], [heard, heard[:8]], np.zeros(6, np.int16), 1, 0)
    assert found.step == 9
    assert len(found.stream) == 102
    assert np.abs(found.stream[:100] - heard[::4]).max() <= 4


def test_a_model_without_the_file_has_none(model: Path) -> None:
    found = load_negatives(model, tiny.BANDS, body())
    assert found.foils.shape == found.stream.shape == (0, tiny.BANDS)


def test_a_file_of_another_network_is_refused(model: Path) -> None:
    arrays = {"foils": np.zeros((2, 5), np.int8), "by_input": np.zeros((5, 9), np.int8)}
    arrays["body"] = np.uint32(7)
    np.savez(model / NEGATIVES, step=np.int8(3), **arrays)
    assert len(load_negatives(model, 5, 7).stream) == 9
    with pytest.raises(MynaError, match="does not fit embeddings of 6"):
        load_negatives(model, 6, 7)
    with pytest.raises(MynaError, match="is of another network"):
        load_negatives(model, 5, 8)
    np.savez(model / NEGATIVES, step=np.zeros(2, np.int8), **arrays)
    with pytest.raises(MynaError, match="make the file again"):
        load_negatives(model, 5, 7)
    (model / NEGATIVES).write_bytes(b"no archive")
    with pytest.raises(MynaError, match="negatives"):
        load_negatives(model, 5, 7)
