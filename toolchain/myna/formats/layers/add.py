# SPDX-License-Identifier: Apache-2.0
"""Sums of two activations; of int16 in TensorFlow Lite they are couplings."""

from __future__ import annotations

from typing import Any

from myna.formats import to_tflite as write
from myna.formats.from_tflite import activation
from myna.formats.streams import AS_EXPORTED, stream, symmetric
from myna.frontend.keras_draft import Draft
from myna.ir import Node
from myna.layers.base import Layer, Shape
from myna.ops.add import Add
from myna.tflite.network import Network
from myna.tflite.read import Operator
from myna.tflite.schema import Table
from myna.tflite.writer import Operator as Written
from myna.tflite.writer import Writer


def from_keras(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """Add of two or more."""
    if len(inputs) < 2:
        draft.fail("adds a constant", "add two layers of one shape, or let a bias do it")
    y = inputs[0]
    for x in inputs[1:]:
        y = draft.add(layer.name, "add", [y, x], activation="linear")
    return y


def to_keras(keras: Any, layer: Layer, inputs: list[Any]) -> Any:
    """Add."""
    return keras.layers.Add(name=layer.name)(inputs)


def from_tflite(net: Network, op: Operator) -> None:
    """ADD of two activations."""
    if net.output(op).dtype == "int16":
        _couple(net, op)
        return
    parts = [net.source(op, position) for position in range(2)]
    attrs = {"activation": activation(net, op)}
    net.finish(op, net.add(op, "add", parts, attrs, net.quant(op, net.output(op))))


def _couple(net: Network, op: Operator) -> None:
    first, second = net.input(op, 0).index, net.input(op, 1).index
    branch = 1 if second in net.widened else 0
    widening = net.widened.get((first, second)[branch])
    if widening is None or first == second:
        raise net.fail(op, "adds streams of int16", AS_EXPORTED)
    x = stream(net, op, 1 - branch)
    quant = symmetric(net, op)
    if quant != net.quants[x] or quant != symmetric(net, widening):
        raise net.fail(op, "adds int16 tensors of different scales", AS_EXPORTED)
    if activation(net, op) != "linear":
        raise net.fail(op, "has an activation", AS_EXPORTED)
    net.finish(op, net.add(op, "couple", (x, net.source(widening)), {}, quant), "int16")


def to_tflite(writer: Writer, node: Node) -> None:
    """ADD."""
    op = node.op
    assert isinstance(op, Add)
    fused = write.activation(writer, node, op.low, op.high)
    kind = Written("ADD", 2, Table("AddOptions", FusedActivationFunction=fused))
    inputs = [writer.value(name) for name in node.inputs]
    writer.operator(kind, inputs, writer.value(node.outputs[0]))


FROM_KERAS = {"Add": from_keras}
TO_KERAS = {"add": to_keras}
FROM_TFLITE = {"ADD": from_tflite}
TO_TFLITE = {Add: to_tflite}
