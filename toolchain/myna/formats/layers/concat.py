# SPDX-License-Identifier: Apache-2.0
"""Concatenation along the channels."""

from __future__ import annotations

from typing import Any

from myna.formats.from_keras import from_the_end
from myna.formats.from_tflite import activation
from myna.frontend.keras_draft import Draft
from myna.ir import Node
from myna.layers.base import Layer, Shape
from myna.ops.concat import Concat
from myna.tflite.network import Network
from myna.tflite.read import Operator
from myna.tflite.schema import Table
from myna.tflite.writer import Operator as Written
from myna.tflite.writer import Writer


def from_keras(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """Concatenate."""
    if from_the_end(layer, layer.axis) != -1:
        draft.fail("joins along another axis", "use axis=-1")
    return draft.add(layer.name, "concat", inputs)


def to_keras(keras: Any, layer: Layer, inputs: list[Any]) -> Any:
    """Concatenate."""
    return keras.layers.Concatenate(name=layer.name)(inputs)


def from_tflite(net: Network, op: Operator) -> None:
    """CONCATENATION along the channels, of equal scales."""
    parts = [net.source(op, position) for position in range(len(op.inputs))]
    rank = len(net.output(op).shape)
    if op.options["axis"] not in (-1, rank - 1):
        raise net.fail(op, f"joins along axis {op.options['axis']}", "concatenate along the last")
    if activation(net, op) != "linear":
        raise net.fail(op, "has an activation", "put it in the layers before")
    quants = [net.same_quant(op, part) for part in parts]
    net.finish(op, net.add(op, "concat", parts, {}, quants[0]))


def to_tflite(writer: Writer, node: Node) -> None:
    """CONCATENATION."""
    axis = len(writer.tensor(node.outputs[0]).shape)  # the last, behind the batch
    kind = Written("CONCATENATION", 2, Table("ConcatenationOptions", Axis=axis))
    inputs = [writer.value(name) for name in node.inputs]
    writer.operator(kind, inputs, writer.value(node.outputs[0]))


FROM_KERAS = {"Concatenate": from_keras}
TO_KERAS = {"concat": to_keras}
FROM_TFLITE = {"CONCATENATION": from_tflite}
TO_TFLITE = {Concat: to_tflite}
