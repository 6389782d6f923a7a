# SPDX-License-Identifier: Apache-2.0
"""What translations of Keras's layers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from myna.frontend.keras_draft import Draft, Parameters, activation, floats
from myna.frontend.model import Floats
from myna.layers.base import Shape


def as_it_is(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """A layer that does nothing once training is over."""
    return inputs[0]


def activated(draft: Draft, layer: Any, x: str) -> str:
    """With the layer's activation, if it has one."""
    return draft.activate(layer.name, activation(layer), x)


def windowed(draft: Draft, layer: Any, x: str) -> tuple[str, dict[str, Any]]:
    """What a convolution reads, after a causal one's padding, and its attributes."""
    if any(rate != 1 for rate in layer.dilation_rate):
        draft.fail("is dilated", "use strides or a larger kernel")
    if getattr(layer, "groups", 1) != 1:
        draft.fail("has groups of channels", "use DepthwiseConv2D or SeparableConv2D")
    attrs = {
        "kernel": pair(layer.kernel_size),
        "strides": pair(layer.strides),
        "padding": layer.padding,
        "activation": "linear",
    }
    if layer.padding == "causal":
        margins = [0, 0, layer.kernel_size[0] - 1, 0]
        x = draft.add(f"{layer.name}_pad", "pad", [x], margins=margins)
        attrs["padding"] = "valid"
    return x, attrs


def pointwise(draft: Draft, name: str, x: str, parameters: Parameters) -> str:
    """A convolution of one tap."""
    attrs = {"kernel": [1, 1], "strides": [1, 1], "padding": "valid", "activation": "linear"}
    filters = parameters[0].shape[-1]
    return draft.weighted(name, "conv2d", x, parameters, filters=filters, **attrs)


def pair(sizes: Sequence[int]) -> list[int]:
    """Height and width of what is given for one or two dimensions."""
    return [1, *sizes] if len(sizes) == 1 else list(sizes)


def map_kernel(kernel: Any) -> Floats:
    """A kernel as float32 [kh, kw, ...], of a convolution over one or two dimensions."""
    w = floats(kernel)
    return w[None] if w.ndim == 3 else w


def from_the_end(layer: Any, axis: int) -> int:
    """An axis of what a layer yields, counted backwards from -1."""
    return axis if axis < 0 else axis - len(layer.output.shape)


def kept(draft: Draft, layer: Any, x: str) -> str:
    """With the dimensions that a global pool keeps, if it does."""
    if not layer.keepdims:
        return x
    return draft.add(f"{layer.name}_map", "reshape", [x], shape=list(draft.shape(layer.output)))
