# SPDX-License-Identifier: Apache-2.0
"""What a model takes in: its front end, if it has one, and examples, ``calibration.npz``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from myna.audio.config import AudioConfig
from myna.errors import MynaError
from myna.files import read_arrays, write_arrays
from myna.frontend.model import FloatModel
from myna.ir import Array, Quant

CALIBRATION = "calibration.npz"
WRITES = "train or import the model again, which writes it"


def audio_of(model: FloatModel) -> AudioConfig | None:
    """A model's front end; None if it hears nothing."""
    return AudioConfig.from_json(model.audio) if model.audio else None


def input_quant(model: FloatModel, folder: Path) -> Quant:
    """What a model's int8 features mean: what its front end or ``calibration.npz`` says.

    Raises:
        MynaError: there is no front end, and the file says nothing.
    """
    if audio := audio_of(model):
        return Quant((float(np.float32(audio.scale)),), 0)
    path = folder / CALIBRATION
    arrays = read_arrays(path, fix=WRITES)
    if not {"scale", "zero_point"} <= arrays.keys():
        raise MynaError(
            "does not say what its features mean: scale and zero_point are missing",
            where=str(path),
            fix=WRITES,
        )
    return Quant((float(np.float32(arrays["scale"])),), int(arrays["zero_point"]))


def save_calibration(folder: Path, features: Array, labels: Array, quant: Quant) -> None:
    """Write ``calibration.npz`` of a model without a front end.

    Args:
        folder: the model's folder.
        features: int8 [n, *input_shape].
        labels: int [n]; zeros for a model that reconstructs.
        quant: of the features.
    """
    scale, zero = np.float32(quant.scale[0]), np.int32(quant.zero_point)
    path = folder / CALIBRATION
    write_arrays(path, features=features, labels=labels, scale=scale, zero_point=zero)


def load_calibration(folder: Path) -> tuple[Array, Array]:
    """Features (int8 [n, frames, features] or [n, *input_shape]) and labels (int [n])."""
    arrays = read_arrays(folder / CALIBRATION, fix=WRITES)
    if not {"features", "labels"} <= arrays.keys() or arrays["features"].dtype != np.int8:
        raise MynaError(
            "holds no int8 features with labels",
            where=str(folder / CALIBRATION),
            fix=WRITES,
        )
    return arrays["features"], arrays["labels"]
