# SPDX-License-Identifier: Apache-2.0
"""Convolutions."""

from __future__ import annotations

from typing import Any

from myna.formats import to_tflite as write
from myna.formats.from_keras import activated, map_kernel, windowed
from myna.formats.from_tflite import activation, array, channels_of, weighted, weights, window
from myna.formats.to_keras import convolution_options
from myna.frontend.keras_draft import Draft
from myna.ir import Node
from myna.layers.base import Layer, Shape
from myna.ops.conv2d import Conv2D
from myna.tflite.network import Network
from myna.tflite.read import Operator
from myna.tflite.schema import Table
from myna.tflite.writer import Operator as Written
from myna.tflite.writer import Writer


def from_keras(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """Conv1D and Conv2D."""
    x, attrs = windowed(draft, layer, inputs[0])
    parameters = map_kernel(layer.kernel), layer.bias
    y = draft.weighted(layer.name, "conv2d", x, parameters, filters=layer.filters, **attrs)
    return activated(draft, layer, y)


def to_keras(keras: Any, layer: Layer, inputs: list[Any]) -> Any:
    """Conv2D."""
    return keras.layers.Conv2D(layer.attrs["filters"], **convolution_options(layer))(*inputs)


def from_tflite(net: Network, op: Operator) -> None:
    """CONV_2D."""
    x = net.source(op)
    w = weights(net, op, 4, 0)
    attrs = {**window(net, op, w.shape[1], w.shape[2]), "activation": activation(net, op)}
    channels = channels_of(net, op, x)
    if w.shape[3] != channels:
        raise net.fail(
            op,
            f"its filters see {w.shape[3]} of {channels} channels",
            "use Conv2D without groups, or DepthwiseConv2D",
        )
    weighted(net, op, "conv2d", x, {"filters": w.shape[0], **attrs}, w, array(w))


def to_tflite(writer: Writer, node: Node) -> None:
    """CONV_2D."""
    op = node.op
    assert isinstance(op, Conv2D)
    x, fields = write.convolution(writer, node, op.window, (op.low, op.high))
    kind = Written("CONV_2D", 3, Table("Conv2DOptions", **fields))
    write.weighted(writer, node, kind, x, writer.data(node.inputs[1]), 0)


FROM_KERAS = {"Conv1D": from_keras, "Conv2D": from_keras}
TO_KERAS = {"conv2d": to_keras}
FROM_TFLITE = {"CONV_2D": from_tflite}
TO_TFLITE = {Conv2D: to_tflite}
