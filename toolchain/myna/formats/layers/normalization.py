# SPDX-License-Identifier: Apache-2.0
"""Layers of Keras that scale and shift channels: folded into the weights before them."""

from __future__ import annotations

from typing import Any

import numpy as np

from myna.formats.from_keras import from_the_end
from myna.frontend.keras_draft import Draft, floats
from myna.layers.base import Shape

DEVIATION_FLOOR = 1e-7  # of Keras's Normalization


def batch_normalization(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """BatchNormalization, with the statistics of training."""
    if from_the_end(layer, layer.axis) != -1:
        draft.fail("normalizes along another axis", "use axis=-1")
    factor = 1 / np.sqrt(np.float64(floats(layer.moving_variance)) + layer.epsilon)
    factor = factor if layer.gamma is None else factor * floats(layer.gamma)
    shift = -floats(layer.moving_mean) * factor
    shift = shift if layer.beta is None else shift + floats(layer.beta)
    return draft.weighted(layer.name, "affine", inputs[0], (factor, shift))


def normalization(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """Normalization."""
    if layer.invert or not {from_the_end(layer, axis) for axis in layer.axis} <= {-1}:
        draft.fail("does not normalize the last axis", "use Normalization(axis=-1)")
    deviation = np.maximum(np.sqrt(np.float64(floats(layer.variance))), DEVIATION_FLOOR)
    return _affine(draft, layer, inputs[0], 1 / deviation, -floats(layer.mean) / deviation, shape)


def rescaling(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """Rescaling."""
    factor, shift = np.float64(layer.scale), np.float64(layer.offset)
    if factor.size not in (1, shape[-1]) or shift.size not in (1, shape[-1]):
        draft.fail("does not scale whole channels", "scale the data before the network")
    return _affine(draft, layer, inputs[0], factor, shift, shape)


def _affine(draft: Draft, layer: Any, x: str, factor: Any, shift: Any, shape: Shape) -> str:
    parameters = tuple(np.broadcast_to(part.reshape(-1), shape[-1:]) for part in (factor, shift))
    return draft.weighted(layer.name, "affine", x, (parameters[0], parameters[1]))


FROM_KERAS = {
    "BatchNormalization": batch_normalization,
    "Normalization": normalization,
    "Rescaling": rescaling,
}
