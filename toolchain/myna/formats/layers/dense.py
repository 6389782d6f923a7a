# SPDX-License-Identifier: Apache-2.0
"""Fully connected layers."""

from __future__ import annotations

from math import prod
from typing import Any

from myna.formats import to_tflite as write
from myna.formats.from_keras import activated, pointwise
from myna.formats.from_tflite import activation, array, weighted, weights
from myna.frontend.keras_draft import Draft, floats
from myna.ir import Node
from myna.layers.base import Layer, Shape
from myna.ops.dense import Dense
from myna.tflite.network import Network
from myna.tflite.read import Operator
from myna.tflite.schema import Table
from myna.tflite.writer import Operator as Written
from myna.tflite.writer import Writer


def from_keras(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """Dense; along a map it is the same for every pixel."""
    kernel, x = floats(layer.kernel), inputs[0]
    if len(shape) == 1:
        attrs = {"units": layer.units, "activation": "linear"}
        y = draft.weighted(layer.name, "dense", x, (kernel, layer.bias), **attrs)
    else:
        y = pointwise(draft, layer.name, x, (kernel[None, None], layer.bias))
    return activated(draft, layer, y)


def to_keras(keras: Any, layer: Layer, inputs: list[Any]) -> Any:
    """Dense."""
    return keras.layers.Dense(layer.attrs["units"], name=layer.name)(*inputs)


def from_tflite(net: Network, op: Operator) -> None:
    """FULLY_CONNECTED."""
    x = net.source(op)
    w = weights(net, op, 2, 0)
    if op.options["format"] != 0:
        raise net.fail(op, "its weights are shuffled", "convert it for microcontrollers")
    size = prod(net.shapes[x])
    if w.shape[1] != size:
        raise net.fail(
            op,
            f"its weights take {w.shape[1]} inputs, there are {size}",
            "flatten or pool before Dense; instead of Dense along a sequence use Conv1D with "
            "kernel_size=1",
        )
    attrs = {"units": w.shape[0], "activation": activation(net, op)}
    weighted(net, op, "dense", net.flat(op, x), attrs, w, array(w))


def to_tflite(writer: Writer, node: Node) -> None:
    """FULLY_CONNECTED."""
    op = node.op
    assert isinstance(op, Dense)
    fused = write.activation(writer, node, op.low, op.high)
    kind = Written(
        "FULLY_CONNECTED", 4, Table("FullyConnectedOptions", FusedActivationFunction=fused)
    )
    x, w = writer.value(node.inputs[0]), writer.data(node.inputs[1])
    write.weighted(writer, node, kind, x, w, 0)


FROM_KERAS = {"Dense": from_keras}
TO_KERAS = {"dense": to_keras}
FROM_TFLITE = {"FULLY_CONNECTED": from_tflite}
TO_TFLITE = {Dense: to_tflite}
