# SPDX-License-Identifier: Apache-2.0
"""What a model makes of speech without words is stored, and foils and thresholds come of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from myna.cli import cli
from myna.commands import negatives
from myna.errors import MynaError
from myna.package.negatives import NEGATIVES, load_negatives
from support import tiny, tiny_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model.folder(), tmp_path / "model"))


def test_the_same_negatives_are_stored_each_time(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("espeakng_loader")
    monkeypatch.setattr(negatives, "SOUNDS", 1)
    files = []
    for _ in range(2):
        done = CliRunner().invoke(cli, ["negatives", str(model), "--jobs", "1"])
        assert done.exit_code == 0, done.output
        files.append((model / NEGATIVES).read_bytes())
    assert files[0] == files[1]
    with np.load(model / NEGATIVES) as arrays:
        inputs = arrays["foils"].shape[1]
    found = load_negatives(model, inputs)
    lengths = np.linalg.norm(found.foils.astype(float), axis=1)
    np.testing.assert_allclose(lengths, 127, atol=inputs**0.5)
    assert len(found.stream) > 1000


def test_a_model_without_the_file_has_none(model: Path) -> None:
    found = load_negatives(model, tiny.BANDS)
    assert found.foils.shape == found.stream.shape == (0, tiny.BANDS)


def test_a_file_of_another_network_is_refused(model: Path) -> None:
    arrays = {"foils": np.zeros((2, 5), np.int8), "stream": np.zeros((9, 5), np.int16)}
    np.savez(model / NEGATIVES, **arrays)
    assert len(load_negatives(model, 5).stream) == 9
    with pytest.raises(MynaError, match="does not fit embeddings of 6"):
        load_negatives(model, 6)
    (model / NEGATIVES).write_bytes(b"no archive")
    with pytest.raises(MynaError, match="negatives"):
        load_negatives(model, 5)
