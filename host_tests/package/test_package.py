# SPDX-License-Identifier: Apache-2.0
"""``int8.npz``: every array of it is needed, and wrong ones are named."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from myna.errors import MynaError
from myna.ops.sgd import BIAS_MAX
from myna.passes.pipeline import Options
from myna.passes.training.hindsight import RangeMode
from myna.project import open_project
from support import tiny_model

FILE = "int8.npz"
ARRAYS = np.load(tiny_model.folder("plain") / FILE)


def changed(folder: Path, **arrays: object) -> Path:
    """A copy of the model with other arrays; None leaves one out."""
    shutil.copytree(tiny_model.folder("plain"), folder)
    new = {name: arrays.get(name, ARRAYS[name]) for name in ARRAYS.files}
    kept = {name: np.asarray(value) for name, value in new.items() if value is not None}
    np.savez(folder / FILE, **kept)  # type: ignore[arg-type]
    return folder


@pytest.mark.parametrize("name", sorted(ARRAYS.files))
def test_an_array_that_is_missing_is_named(name: str, tmp_path: Path) -> None:
    model = changed(tmp_path / "model", **{name: None})
    ranges = RangeMode.PLAIN if "/plain/" in name else RangeMode.RELATIVE
    with pytest.raises(MynaError) as error:
        open_project(model, Options(train="all", ranges=ranges), folder=tmp_path / "generated")
    assert name.rsplit("/", maxsplit=1)[-1].removesuffix(".w") in str(error.value)
    assert error.value.fix


def with_one(name: str, value: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int_]]:
    """An array of the file of which one element is changed."""
    edited = ARRAYS[name].copy()
    edited.reshape(-1)[-1] = value
    return edited


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("scale/stem", [value]) for value in (np.float32(0), np.float32(-1), np.float32(np.nan))),
        *(("zero/stem", value) for value in (128, -129, 0.5)),
        *(
            ("w_scale/stem", value)
            for value in (-ARRAYS["w_scale/stem"], ARRAYS["w_scale/stem"] / 0)
        ),
        ("w/stem", with_one("w/stem", -128)),
        *(("b/stem", with_one("b/stem", sign * (BIAS_MAX + 1))) for sign in (-1, 1)),
    ],
)
def test_a_value_that_arithmetic_does_not_allow_is_refused(
    name: str, value: object, tmp_path: Path
) -> None:
    model = changed(tmp_path / "model", **{name: value})
    with pytest.raises(MynaError, match="stem"):
        open_project(model, Options(), folder=tmp_path / "generated")


@pytest.mark.parametrize("value", [0.0, -1.0, np.inf, np.nan])
def test_a_range_is_a_positive_number(value: float, tmp_path: Path) -> None:
    name = next(n for n in ARRAYS.files if n.startswith("range/relative/"))
    with pytest.raises(MynaError, match=name.split("/")[-1]):
        open_project(changed(tmp_path / "model", **{name: value}), folder=tmp_path / "generated")


@pytest.mark.parametrize(
    ("name", "value"), [("w/stem", -127), ("b/stem", BIAS_MAX), ("b/stem", -BIAS_MAX)]
)
def test_a_value_at_its_limit_is_taken(name: str, value: int, tmp_path: Path) -> None:
    model = changed(tmp_path / "model", **{name: with_one(name, value)})
    open_project(model, Options(), folder=tmp_path / "generated")
