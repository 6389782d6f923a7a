# SPDX-License-Identifier: Apache-2.0
"""Small networks that hear nothing, as models' folders, and what they take in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from myna.frontend.model import FloatModel, Floats, save_model, weight_shapes
from myna.layers.base import Layer
from myna.package.calibration import save_calibration
from myna.package.package import quantize_folder
from myna.passes.lowering.calibrate import Floats as Doubles
from myna.passes.lowering.calibrate import forward
from myna.passes.lowering.quantize import affine

from support.kept import kept

CLASSES, CODE, VALUES = 3, 4, 24


def _layer(name: str, op: str, x: str, **attrs: Any) -> Layer:
    return Layer(name, op, (x,), attrs)


def _conv(name: str, x: str, filters: int, size: int, stride: int) -> Layer:
    window = {"kernel": [size, size], "strides": [stride, stride], "padding": "same"}
    return _layer(name, "conv2d", x, filters=filters, activation="relu", **window)


def _whole(x: str, size: int) -> list[Layer]:
    window = [size, size]
    pool = _layer("pool", "average_pool", x, pool=window, strides=window, padding="valid")
    return [pool, _layer("flat", "flatten", "pool")]


def _dense(name: str, x: str, units: int, activation: str = "linear") -> Layer:
    return _layer(name, "dense", x, units=units, activation=activation)


def _model(name: str, shape: tuple[int, ...], *layers: Layer, loss: str = "classify") -> FloatModel:
    """Layers with random weights; the last one is the output."""
    labels = tuple("abc"[:CLASSES]) if loss == "classify" else ()
    model = FloatModel(name, labels, {}, "pixels", shape, layers, layers[-1].name, loss=loss)
    rng = np.random.default_rng(5)
    weights: dict[str, Floats] = {}
    for key, dims in weight_shapes(model).items():
        spread = np.sqrt(2 / np.prod(dims[:-1])) if key.endswith("/w") else 0.1
        weights[key] = rng.normal(0, spread, dims).astype(np.float32)
    return replace(model, weights=weights)


def images(count: int, seed: int = 1) -> tuple[Doubles, Doubles]:
    """Noisy gradients in three directions [n, 8, 8, 3] in 0 … 1, and the direction of each."""
    rng = np.random.default_rng(seed)
    down, right = np.mgrid[:8, :8] / 7
    shown = np.stack([down, right, (down + right) / 2])
    labels = np.arange(count) % CLASSES
    noise = rng.normal(0, 0.1, (count, 8, 8, 3))
    return np.clip(shown[labels][..., None] + noise, 0, 1), labels


def signals(count: int, seed: int = 1) -> tuple[Doubles, Doubles]:
    """Sums of a few waves, [n, 24], without labels."""
    rng = np.random.default_rng(seed)
    waves = np.sin(np.pi * np.outer(np.arange(1, CODE + 1), np.arange(VALUES) / VALUES))
    x = rng.normal(size=(count, CODE)) @ waves + rng.normal(0, 0.05, (count, VALUES))
    return x, np.zeros(count, np.int64)


def _classifier() -> FloatModel:
    layers = (_conv("stem", "pixels", 6, 3, 2), *_whole("stem", 2), _dense("logits", "flat", 3))
    model = _model("images", (8, 8, 3), *layers)
    x, labels = images(90)
    hidden = np.array([forward(model, one)["flat"] for one in x])
    inputs = np.column_stack([hidden, np.ones(len(hidden))])
    wanted = 6 * np.eye(CLASSES)[labels] - 3
    fitted = np.linalg.lstsq(inputs, wanted, rcond=None)[0].astype(np.float32)
    head = {"logits/w": fitted[:-1], "logits/b": fitted[-1]}
    return replace(model, weights={**model.weights, **head})


def _convolutional() -> FloatModel:
    """A classifier whose logits are means of maps."""
    stem, maps = _conv("stem", "pixels", 6, 3, 2), _conv("maps", "stem", CLASSES, 1, 1)
    return _model("means", (8, 8, 3), stem, maps, *_whole("maps", 4))


def _autoencoder() -> FloatModel:
    """It projects onto principal components, each of which is a pair of rectified halves."""
    layers = _dense("code", "pixels", 2 * CODE, "relu"), _dense("copy", "code", VALUES)
    model = _model("signals", (VALUES,), *layers, loss="reconstruct")
    axes = np.linalg.svd(signals(200)[0], full_matrices=False)[2][:CODE]
    halves = np.concatenate([axes, -axes]).astype(np.float32)
    biases = {"code/b": np.zeros(2 * CODE, np.float32), "copy/b": np.zeros(VALUES, np.float32)}
    return replace(model, weights={"code/w": halves.T.copy(), "copy/w": halves, **biases})


Data = Callable[[int], tuple[Doubles, Doubles]]
MODELS: Mapping[str, tuple[Callable[[], FloatModel], Data]] = {
    "signals": (_autoencoder, signals),
    "images": (_classifier, images),
    "means": (_convolutional, images),
}


@cache
def folder(name: str) -> Path:
    """The folder of a model, one of MODELS, with float.npz, calibration.npz and int8.npz."""
    make, data = MODELS[name]

    def write(draft: Path) -> None:
        x, labels = data(60)
        quant = affine(min(0.0, float(x.min())), float(x.max()))
        steps = np.round(x / quant.scale[0]) + quant.zero_point
        save_model(make(), draft)
        save_calibration(draft, np.clip(steps, -128, 127).astype(np.int8), labels, quant)
        quantize_folder(draft, CLASSES + 2)

    return kept(name, write)
