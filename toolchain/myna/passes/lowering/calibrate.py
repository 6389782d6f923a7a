# SPDX-License-Identifier: Apache-2.0
"""Activation ranges of a float model over a calibration set, with a NumPy float forward pass."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from myna.frontend.model import FloatModel
from myna.layers.base import Floats
from myna.layers.table import LAYERS

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
        inputs = [values[name] for name in layer.inputs]
        values[layer.name] = LAYERS[layer.op].forward(layer, inputs, model.weights)
    return values
