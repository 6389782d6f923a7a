# SPDX-License-Identifier: Apache-2.0
"""The accuracy of a model on examples of one's own, with and without a front end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from myna.cli import cli
from myna.errors import MynaError
from myna.frontend.model import load_model
from myna.ir import Array
from myna.package.calibration import input_quant
from myna.project import open_project
from support import silent_model, tiny, tiny_model

ENGINES = ("host", "reference", "float")
COUNT = 41  # one wrong example shows


def saved(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def accuracy(model: Path, data: Path, engine: str = "host") -> tuple[float, int]:
    file = data.parent / "result.json"
    asked = ["accuracy", str(model), "--data", str(data), "--engine", engine, "--json", str(file)]
    done = CliRunner().invoke(cli, asked, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert done.output.strip().endswith(f"% of {COUNT} examples")
    result = json.loads(file.read_text("utf-8"))
    assert (result["data"], result["engine"]) == (data.name, engine)
    return result["accuracy"], result["tested"]


def quantized(model: Path, features: Array) -> Array:
    quant = input_quant(load_model(model), model)
    steps = np.rint(features / quant.scale[0]) + quant.zero_point
    return np.clip(steps, -128, 127).astype(np.int8)


def said(model: Path, steps: Array) -> Array:
    """The classes that the C core takes int8 features for."""
    library = open_project(model).library()
    return np.array([library.predict(one) for one in steps])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("wrong", [0, 7])
def test_real_numbers_for_a_network_that_hears_nothing(
    engine: str, wrong: int, tmp_path: Path
) -> None:
    model = silent_model.folder("images")
    features = silent_model.images(COUNT, seed=9)[0]
    labels = said(model, quantized(model, features))
    labels[:wrong] = (labels[:wrong] + 1) % silent_model.CLASSES
    data = saved(tmp_path / "x.npz", features=features, labels=labels)
    found = accuracy(model, data, engine)
    assert found == (pytest.approx(100 * (COUNT - wrong) / COUNT), COUNT)


def test_whole_numbers_of_a_float_network_are_what_they_say(tmp_path: Path) -> None:
    """Not steps of its quantized input, which other networks are given."""
    model = silent_model.folder("images")
    features = np.rint(silent_model.images(COUNT, seed=9)[0])
    labels = said(model, quantized(model, features))
    assert len({*labels.tolist()}) > 1
    for dtype in (np.int8, np.int32, np.float32):
        data = saved(tmp_path / "x.npz", features=features.astype(dtype), labels=labels)
        assert accuracy(model, data) == (100, COUNT)


def test_bytes_of_a_network_that_came_quantized_are_its_input(tmp_path: Path) -> None:
    model = tmp_path / "images"
    shutil.copytree(silent_model.folder("images"), model)
    features = silent_model.images(COUNT, seed=9)[0]
    steps = quantized(model, features)
    labels = said(model, steps)
    (model / "float.npz").unlink()  # as of an int8 .tflite file
    for given in (steps, features):
        data = saved(tmp_path / "x.npz", features=given, labels=labels)
        assert accuracy(model, data) == (100, COUNT)


def test_features_of_a_front_end(tmp_path: Path) -> None:
    asked = tiny_model.examples(tiny.LABELS, 11).take(list(range(COUNT)))
    found = said(tiny_model.folder(), asked.features)
    right = 100 * float(np.mean(found == asked.labels))
    data = saved(tmp_path / "x.npz", features=asked.features, labels=asked.labels)
    assert accuracy(tiny_model.folder(), data) == (pytest.approx(right), COUNT)


@pytest.mark.parametrize(
    ("name", "arrays", "complaint"),
    [
        ("images", None, "there is no such file"),
        ("images", {"labels": np.zeros(3, int)}, "holds no array `features`"),
        ("images", {"features": np.zeros((3, 7))}, "has features of shape"),
        ("images", {"features": np.zeros((3, 8, 8, 3))}, "has no label from 0 to 2"),
        (
            "images",
            {"features": np.zeros((1, 8, 8, 3)), "labels": np.array([3])},
            "has no label from 0 to 2",
        ),
        ("signals", {"features": np.zeros((3, 24))}, "does not classify"),
    ],
)
def test_what_cannot_be_asked_says_what_can(
    name: str, arrays: dict[str, Array] | None, complaint: str, tmp_path: Path
) -> None:
    data = tmp_path / "x.npz"
    if arrays is not None:
        saved(data, **arrays)
    with pytest.raises(MynaError, match=complaint) as error:
        accuracy(silent_model.folder(name), data)
    assert "numpy.savez" in error.value.fix or "classifies" in error.value.fix


def test_recordings_for_a_network_that_hears_nothing(tmp_path: Path) -> None:
    with pytest.raises(MynaError, match="no audio front end") as error:
        accuracy(silent_model.folder("images"), tmp_path)
    assert "--data FILE.npz" in error.value.fix
