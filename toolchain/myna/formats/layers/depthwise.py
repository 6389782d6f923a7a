# SPDX-License-Identifier: Apache-2.0
"""Depthwise and separable convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np

from myna.formats import to_tflite as write
from myna.formats.from_keras import activated, map_kernel, pointwise, windowed
from myna.formats.from_tflite import activation, array, channels_of, weighted, weights, window
from myna.formats.to_keras import convolution_options
from myna.frontend.keras_draft import Draft, Parameters
from myna.ir import Node
from myna.layers.base import Layer, Shape
from myna.ops.depthwise import DepthwiseConv2D
from myna.tflite.network import Network
from myna.tflite.read import Operator
from myna.tflite.schema import Table
from myna.tflite.writer import Operator as Written
from myna.tflite.writer import Writer


def from_keras(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """DepthwiseConv1D and DepthwiseConv2D."""
    x, attrs = windowed(draft, layer, inputs[0])
    y = _each_channel(draft, layer.name, x, (map_kernel(layer.kernel), layer.bias), attrs)
    return activated(draft, layer, y)


def from_keras_separable(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """SeparableConv1D and SeparableConv2D."""
    x, attrs = windowed(draft, layer, inputs[0])
    kernel = map_kernel(layer.depthwise_kernel)
    x = _each_channel(draft, f"{layer.name}_depthwise", x, (kernel, None), attrs)
    parameters = map_kernel(layer.pointwise_kernel), layer.bias
    return activated(draft, layer, pointwise(draft, layer.name, x, parameters))


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


def to_keras(keras: Any, layer: Layer, inputs: list[Any]) -> Any:
    """DepthwiseConv2D."""
    return keras.layers.DepthwiseConv2D(**convolution_options(layer))(*inputs)


def from_tflite(net: Network, op: Operator) -> None:
    """DEPTHWISE_CONV_2D; of one channel it is a convolution, whatever its multiplier."""
    x = net.source(op)
    w = weights(net, op, 4, 3)
    attrs = {**window(net, op, w.shape[1], w.shape[2]), "activation": activation(net, op)}
    channels, multiplier = channels_of(net, op, x), op.options["multiplier"]
    if w.shape[0] != 1 or w.shape[3] != channels * multiplier:
        what = f"its filters {list(w.shape)} do not fit {channels} channels × {multiplier}"
        raise net.fail(op, what, "make the file again")
    data = array(w)[0]
    if multiplier == 1:
        weighted(net, op, "depthwise_conv2d", x, attrs, w, data)
    elif channels == 1:
        filters = np.ascontiguousarray(data.transpose(2, 0, 1)[..., None])
        weighted(net, op, "conv2d", x, {"filters": len(filters), **attrs}, w, filters)
    else:
        raise net.fail(
            op,
            f"makes {multiplier} channels of each of {channels}",
            "use depth_multiplier=1, and a pointwise Conv2D to widen",
        )


def to_tflite(writer: Writer, node: Node) -> None:
    """DEPTHWISE_CONV_2D."""
    op = node.op
    assert isinstance(op, DepthwiseConv2D)
    x, fields = write.convolution(writer, node, op.window, (op.low, op.high))
    options = Table("DepthwiseConv2DOptions", DepthMultiplier=1, **fields)
    kind = Written("DEPTHWISE_CONV_2D", 3, options)
    write.weighted(writer, node, kind, x, writer.data(node.inputs[1])[None], 3)


FROM_KERAS = {
    "DepthwiseConv1D": from_keras,
    "DepthwiseConv2D": from_keras,
    "SeparableConv1D": from_keras_separable,
    "SeparableConv2D": from_keras_separable,
}
TO_KERAS = {"depthwise_conv2d": to_keras}
FROM_TFLITE = {"DEPTHWISE_CONV_2D": from_tflite}
TO_TFLITE = {DepthwiseConv2D: to_tflite}
