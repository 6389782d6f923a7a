# SPDX-License-Identifier: Apache-2.0
"""Activation ranges of a float model over a calibration set, with a NumPy float forward pass."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from myna.frontend.layers import ACTIVATIONS, Layer
from myna.frontend.model import FloatModel
from myna.ops.window import Window

Floats = npt.NDArray[np.float64]
Ranges = Mapping[str, tuple[float, float]]


def activation_ranges(model: FloatModel, features: Floats, quantile: float = 0.9999) -> Ranges:
    """Low and high bound of the input and of every layer, zero included.

    Args:
        model: a model with weights.
        features: real-valued inputs [n, *input_shape].
        quantile: share of the values that the range covers on each side; the few beyond saturate.
    """
    seen: dict[str, list[Floats]] = {}
    for sample in features:
        for name, value in forward(model, sample).items():
            seen.setdefault(name, []).append(value.reshape(-1))
    ranges = {}
    for name, parts in seen.items():
        values = np.concatenate(parts)
        low, high = np.quantile(values, (1 - quantile, quantile))
        ranges[name] = (min(float(low), 0.0), max(float(high), 0.0))
    return ranges


def forward(model: FloatModel, sample: Floats) -> dict[str, Floats]:
    """Every activation of one sample [*input_shape], by layer name."""
    values = {model.input_name: sample.astype(np.float64)}
    for layer in model.layers:
        values[layer.name] = _apply(layer, [values[name] for name in layer.inputs], model.weights)
    return values


def _apply(
    layer: Layer, inputs: list[Floats], weights: Mapping[str, npt.NDArray[np.float32]]
) -> Floats:
    x, op = inputs[0], layer.op
    if op in ("couple", "add"):
        y = x + inputs[1]
    elif op == "concat":
        y = np.concatenate(inputs, axis=-1)
    elif op in ("flatten", "reshape"):
        y = x.reshape(layer.attrs.get("shape", -1))
    elif op in ACTIVATIONS:
        return _activate(x, op)
    elif op in ("average_pool", "max_pool"):
        y = _pool(layer, x)
    elif op == "mean":
        y = x.mean(axis=(0, 1))
    elif op == "pad":
        top, bottom, left, right = layer.attrs["margins"]
        y = np.pad(x, ((top, bottom), (left, right), (0, 0)))
    else:
        w, b = (weights[f"{layer.name}/{part}"].astype(np.float64) for part in "wb")
        y = _linear(layer, x, w) + b
    return _activate(y, layer.attrs.get("activation", "linear"))


def _pool(layer: Layer, x: Floats) -> Floats:
    """Mean or maximum over what windows see of the map, without the padding."""
    window = _window(layer, x, "pool")
    if layer.op == "max_pool":
        return np.asarray(window.views(x, fill=-np.inf).max(axis=(2, 3)))
    total, count = (window.views(v).sum(axis=(2, 3)) for v in (x, np.ones_like(x)))
    return np.asarray(total / count)


def _linear(layer: Layer, x: Floats, w: Floats) -> Floats:
    if layer.op == "dense":
        return np.asarray(x @ w)
    window = _window(layer, x, "kernel")
    if layer.op == "conv2d":
        out = window.output(*x.shape[:2])
        return np.asarray((window.columns(x) @ w.reshape(-1, w.shape[3])).reshape(*out, -1))
    padded = window.pad(x)
    y: Floats = np.sum([window.tap(padded, *tap) * w[tap] for tap in window.taps()], axis=0)
    return y


def _window(layer: Layer, x: Floats, key: str) -> Window:
    kernel, strides = tuple(layer.attrs[key]), tuple(layer.attrs["strides"])
    return Window.of((x.shape[0], x.shape[1]), kernel, strides, layer.attrs["padding"])


def _activate(y: Floats, activation: str) -> Floats:
    if activation == "linear":
        return y
    clipped: Floats = np.clip(y, 0, 6 if activation == "relu6" else np.inf)
    return clipped
