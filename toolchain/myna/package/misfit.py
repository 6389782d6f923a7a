# SPDX-License-Identifier: Apache-2.0
"""What in the arrays of ``int8.npz`` contradicts the architecture or the arithmetic."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from myna.frontend.model import FloatModel, weight_shapes
from myna.ir import Array


def misfit(model: FloatModel, part: Mapping[str, Mapping[str, Array]]) -> str | None:
    """What in ``int8.npz`` contradicts the architecture."""
    return _of_quants(model, part["scale"], part["zero"]) or _of_weights(model, part)


def _of_quants(
    model: FloatModel, scales: Mapping[str, Array], zeros: Mapping[str, Array]
) -> str | None:
    needed = {layer.name for layer in model.layers} | {model.input_name}
    if missing := sorted(needed - (scales.keys() & zeros.keys())):
        return f"{missing[0]} has no scale or zero point"
    if odd := sorted(scales.keys() ^ zeros.keys()):
        return f"{odd[0]} has a scale or a zero point alone"
    if bad := [n for n in scales if scales[n].shape != (1,) or zeros[n].shape != ()]:
        return f"{bad[0]} has more than one scale or zero point"
    if bad := [n for n in scales if not (is_positive(scales[n]) and _within(zeros[n], -128, 127))]:
        return f"{bad[0]} has a scale that is not positive, or no zero point from -128 to 127"
    return None


def _of_weights(model: FloatModel, part: Mapping[str, Mapping[str, Array]]) -> str | None:
    shapes = weight_shapes(model)
    for name in (key[:-2] for key in shapes if key.endswith("/w")):
        arrays = [part[kind].get(name) for kind in ("w", "b", "w_scale")]
        if any(array is None for array in arrays):
            return f"{name} has no weights"
        w, b, scale = (array for array in arrays if array is not None)
        shape, channels = shapes[f"{name}/w"], len(b)
        depthwise = len(shape) == 3
        expected = (*shape[:2], channels) if depthwise else (channels, *shape[:-1])
        enough = channels >= shape[-1] if name == model.output else channels == shape[-1]
        types = [str(array.dtype) for array in (w, b, scale)] == ["int8", "int32", "float32"]
        if not (types and enough and w.shape == expected and scale.shape == b.shape):
            return f"the weights of {name} have wrong types or shapes"
        if not is_positive(scale):
            return f"the weight scales of {name} are not positive"
    return None


def is_positive(values: Array) -> bool:
    """Whether all are positive real numbers."""
    is_real = np.issubdtype(values.dtype, np.floating)
    return bool(is_real and np.isfinite(values).all() and (values > 0).all())


def _within(values: Array, low: int, high: int) -> bool:
    """Whether all are integers from low to high."""
    is_whole = np.issubdtype(values.dtype, np.integer)
    return bool(is_whole and (values >= low).all() and (values <= high).all())
