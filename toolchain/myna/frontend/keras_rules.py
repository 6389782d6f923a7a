# SPDX-License-Identifier: Apache-2.0
"""How each layer of Keras is said in Myna's layers.

Importing this module imports TensorFlow; `myna import` does, for a `.keras` file only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from myna.frontend.keras_draft import SOFTMAX, Draft, Parameters
from myna.frontend.keras_file import activation, floats
from myna.frontend.layers import Shape
from myna.frontend.model import Floats

DEVIATION_FLOOR = 1e-7  # of Keras's Normalization
# draft, layer of Keras, inputs, shape of the first of them -> the layer that yields the result
Rule = Callable[[Draft, Any, list[str], Shape], str]


# -- layers with weights ---------------------------------------------------------------------------


def _conv(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    x, attrs = _windowed(draft, layer, inputs[0])
    parameters = _map_kernel(layer.kernel), layer.bias
    y = draft.weighted(layer.name, "conv2d", x, parameters, filters=layer.filters, **attrs)
    return _activated(draft, layer, y)


def _depthwise(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    x, attrs = _windowed(draft, layer, inputs[0])
    y = _each_channel(draft, layer.name, x, (_map_kernel(layer.kernel), layer.bias), attrs)
    return _activated(draft, layer, y)


def _separable(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    x, attrs = _windowed(draft, layer, inputs[0])
    kernel = _map_kernel(layer.depthwise_kernel)
    x = _each_channel(draft, f"{layer.name}_depthwise", x, (kernel, None), attrs)
    parameters = _map_kernel(layer.pointwise_kernel), layer.bias
    return _activated(draft, layer, _pointwise(draft, layer.name, x, parameters))


def _dense(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    kernel, x = floats(layer.kernel), inputs[0]
    if len(shape) == 1:
        attrs = {"units": layer.units, "activation": "linear"}
        y = draft.weighted(layer.name, "dense", x, (kernel, layer.bias), **attrs)
    else:  # the same for every pixel
        y = _pointwise(draft, layer.name, x, (kernel[None, None], layer.bias))
    return _activated(draft, layer, y)


def _windowed(draft: Draft, layer: Any, x: str) -> tuple[str, dict[str, Any]]:
    """What a convolution reads, after a causal one's padding, and its attributes."""
    if any(rate != 1 for rate in layer.dilation_rate):
        draft.fail("is dilated", "use strides or a larger kernel")
    if getattr(layer, "groups", 1) != 1:
        draft.fail("has groups of channels", "use DepthwiseConv2D or SeparableConv2D")
    attrs = {
        "kernel": _pair(layer.kernel_size),
        "strides": _pair(layer.strides),
        "padding": layer.padding,
        "activation": "linear",
    }
    if layer.padding == "causal":
        margins = [0, 0, layer.kernel_size[0] - 1, 0]
        x = draft.add(f"{layer.name}_pad", "pad", [x], margins=margins)
        attrs["padding"] = "valid"
    return x, attrs


def _each_channel(
    draft: Draft, name: str, x: str, parameters: Parameters, attrs: dict[str, Any]
) -> str:
    """A depthwise convolution with weights [kh, kw, channels, multiplier]."""
    kernel, bias = parameters
    *_, channels, multiplier = kernel.shape
    if multiplier == 1:
        return draft.weighted(name, "depthwise_conv2d", x, (kernel[..., 0], bias), **attrs)
    if channels != 1:
        draft.fail("has a depth multiplier", "widen the map by a 1 × 1 convolution before it")
    return draft.weighted(name, "conv2d", x, parameters, filters=multiplier, **attrs)


def _pointwise(draft: Draft, name: str, x: str, parameters: Parameters) -> str:
    attrs = {"kernel": [1, 1], "strides": [1, 1], "padding": "valid", "activation": "linear"}
    filters = parameters[0].shape[-1]
    return draft.weighted(name, "conv2d", x, parameters, filters=filters, **attrs)


def _pair(sizes: Sequence[int]) -> list[int]:
    """Height and width of what is given for one or two dimensions."""
    return [1, *sizes] if len(sizes) == 1 else list(sizes)


def _map_kernel(kernel: Any) -> Floats:
    """A kernel as float32 [kh, kw, ...], of a convolution over one or two dimensions."""
    w = floats(kernel)
    return w[None] if w.ndim == 3 else w


# -- layers that scale and shift channels ----------------------------------------------------------


def _batch_norm(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    if _from_the_end(layer, layer.axis) != -1:
        draft.fail("normalizes along another axis", "use axis=-1")
    factor = 1 / np.sqrt(np.float64(floats(layer.moving_variance)) + layer.epsilon)
    factor = factor if layer.gamma is None else factor * floats(layer.gamma)
    shift = -floats(layer.moving_mean) * factor
    shift = shift if layer.beta is None else shift + floats(layer.beta)
    return draft.weighted(layer.name, "affine", inputs[0], (factor, shift))


def _normalization(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    if layer.invert or not {_from_the_end(layer, axis) for axis in layer.axis} <= {-1}:
        draft.fail("does not normalize the last axis", "use Normalization(axis=-1)")
    deviation = np.maximum(np.sqrt(np.float64(floats(layer.variance))), DEVIATION_FLOOR)
    return _affine(draft, layer, inputs[0], 1 / deviation, -floats(layer.mean) / deviation, shape)


def _rescaling(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    factor, shift = np.float64(layer.scale), np.float64(layer.offset)
    if factor.size not in (1, shape[-1]) or shift.size not in (1, shape[-1]):
        draft.fail("does not scale whole channels", "scale the data before the network")
    return _affine(draft, layer, inputs[0], factor, shift, shape)


def _affine(draft: Draft, layer: Any, x: str, factor: Any, shift: Any, shape: Shape) -> str:
    parameters = tuple(np.broadcast_to(part.reshape(-1), shape[-1:]) for part in (factor, shift))
    return draft.weighted(layer.name, "affine", x, (parameters[0], parameters[1]))


def _from_the_end(layer: Any, axis: int) -> int:
    """An axis of what a layer yields, counted backwards from -1."""
    return axis if axis < 0 else axis - len(layer.output.shape)


# -- layers without weights ------------------------------------------------------------------------


def _nothing(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    return inputs[0]


def _activated(draft: Draft, layer: Any, x: str) -> str:
    return draft.activate(layer.name, activation(layer), x)


def _activation(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    return _activated(draft, layer, inputs[0])


def _relu(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    top = getattr(layer, "max_value", None)
    if (
        getattr(layer, "negative_slope", 0)
        or getattr(layer, "threshold", 0)
        or top not in (None, 6)
    ):
        draft.fail("is not the plain ReLU", "use ReLU(), or ReLU(max_value=6)")
    return draft.add(layer.name, "relu" if top is None else "relu6", inputs)


def _relu6(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    return draft.add(layer.name, "relu6", inputs)


def _softmax(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    if _from_the_end(layer, layer.axis) != -1:
        draft.fail("runs along another axis", "use axis=-1")
    return draft.add(layer.name, SOFTMAX, inputs)


def _pool(op: str) -> Rule:
    def rule(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
        sizes = {"pool": _pair(layer.pool_size), "strides": _pair(layer.strides)}
        return draft.add(layer.name, op, inputs, padding=layer.padding, **sizes)

    return rule


def _mean(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    return _kept(draft, layer, draft.add(layer.name, "mean", inputs))


def _maximum(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    whole = list(shape[:2])
    x = draft.add(
        f"{layer.name}_map", "max_pool", inputs, pool=whole, strides=whole, padding="valid"
    )
    return _kept(draft, layer, draft.add(layer.name, "flatten", [x]))


def _kept(draft: Draft, layer: Any, x: str) -> str:
    """With the dimensions that a global pool keeps, if it does."""
    if not layer.keepdims:
        return x
    return draft.add(f"{layer.name}_map", "reshape", [x], shape=list(draft.shape(layer.output)))


def _pad(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    padding = layer.padding
    rows, columns = padding if isinstance(padding[0], Sequence) else ((0, 0), padding)
    return draft.add(layer.name, "pad", inputs, margins=[*rows, *columns])


def _add(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    if len(inputs) < 2:
        draft.fail("adds a constant", "add two layers of one shape, or let a bias do it")
    y = inputs[0]
    for x in inputs[1:]:
        y = draft.add(layer.name, "add", [y, x], activation="linear")
    return y


def _concat(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    if _from_the_end(layer, layer.axis) != -1:
        draft.fail("joins along another axis", "use axis=-1")
    return draft.add(layer.name, "concat", inputs)


def _flatten(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    return inputs[0] if len(shape) == 1 else draft.add(layer.name, "flatten", inputs)


def _reshape(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    return draft.add(layer.name, "reshape", inputs, shape=list(draft.shape(layer.output)))


RULES: Mapping[str, Rule] = {
    "Activation": _activation,
    "ActivityRegularization": _nothing,
    "Add": _add,
    "AlphaDropout": _nothing,
    "AveragePooling1D": _pool("average_pool"),
    "AveragePooling2D": _pool("average_pool"),
    "BatchNormalization": _batch_norm,
    "Concatenate": _concat,
    "Conv1D": _conv,
    "Conv2D": _conv,
    "Dense": _dense,
    "DepthwiseConv1D": _depthwise,
    "DepthwiseConv2D": _depthwise,
    "Dropout": _nothing,
    "Flatten": _flatten,
    "GaussianDropout": _nothing,
    "GaussianNoise": _nothing,
    "GlobalAveragePooling1D": _mean,
    "GlobalAveragePooling2D": _mean,
    "GlobalMaxPooling1D": _maximum,
    "GlobalMaxPooling2D": _maximum,
    "Identity": _nothing,
    "InputLayer": _nothing,
    "MaxPooling1D": _pool("max_pool"),
    "MaxPooling2D": _pool("max_pool"),
    "Normalization": _normalization,
    "ReLU": _relu,
    "Relu": _relu,  # of keras.ops
    "Relu6": _relu6,
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "SeparableConv1D": _separable,
    "SeparableConv2D": _separable,
    "Softmax": _softmax,
    "SpatialDropout1D": _nothing,
    "SpatialDropout2D": _nothing,
    "ZeroPadding1D": _pad,
    "ZeroPadding2D": _pad,
}
