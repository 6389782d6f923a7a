# SPDX-License-Identifier: Apache-2.0
"""Margins of zeros."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from myna.formats import to_tflite as write
from myna.frontend.keras_draft import Draft
from myna.ir import Node
from myna.layers.base import Layer, Shape
from myna.ops.pad import Pad
from myna.tflite.network import Network
from myna.tflite.read import Operator
from myna.tflite.writer import Writer


def from_keras(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """ZeroPadding, over one or two dimensions."""
    padding = layer.padding
    rows, columns = padding if isinstance(padding[0], Sequence) else ((0, 0), padding)
    return draft.add(layer.name, "pad", inputs, margins=[*rows, *columns])


def to_keras(keras: Any, layer: Layer, inputs: list[Any]) -> Any:
    """ZeroPadding2D."""
    top, bottom, left, right = layer.attrs["margins"]
    margins = ((top, bottom), (left, right))
    return keras.layers.ZeroPadding2D(margins, name=layer.name)(*inputs)


def from_tflite(net: Network, op: Operator) -> None:
    """PAD, and PADV2 with zeros."""
    x, record = net.source(op), net.input(op)
    margins = net.constant(op, 1, "paddings", "int32", "int64").data
    assert margins is not None
    quant = net.same_quant(op, x)
    if op.name == "PADV2":
        value = net.constant(op, 2, "value", "int8").data
        assert value is not None
        if value.size != 1 or value.reshape(-1)[0] != quant.zero_point:
            raise net.fail(op, "pads with another value than zero", "pad with zeros")
    rank = len(record.shape)
    rows = margins.tolist() if margins.shape == (rank, 2) and rank > 2 else [[1, 1]]
    if any(rows[0]) or any(rows[-1]):
        raise net.fail(op, f"pads {margins.tolist()}", "pad height and width alone")
    around = [0, 0, *rows[1]] if rank == 3 else [*rows[1], *rows[2]]
    net.finish(op, net.add(op, "pad", (x,), {"margins": around}, quant))


def to_tflite(writer: Writer, node: Node) -> None:
    """PAD."""
    assert isinstance(node.op, Pad)
    write.surround(writer, node, node.op.margins, writer.value(node.outputs[0]))


FROM_KERAS = {"ZeroPadding1D": from_keras, "ZeroPadding2D": from_keras}
TO_KERAS = {"pad": to_keras}
FROM_TFLITE = {"PAD": from_tflite, "PADV2": from_tflite}
TO_TFLITE = {Pad: to_tflite}
