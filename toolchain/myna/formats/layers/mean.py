# SPDX-License-Identifier: Apache-2.0
"""Means of whole maps."""

from __future__ import annotations

from typing import Any

import numpy as np

from myna.formats.from_keras import kept
from myna.frontend.keras_draft import Draft
from myna.ir import Node
from myna.layers.base import Layer, Shape
from myna.ops.mean import Mean
from myna.tflite.network import Network
from myna.tflite.read import Operator
from myna.tflite.schema import Table
from myna.tflite.writer import Operator as Written
from myna.tflite.writer import Writer


def from_keras(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """GlobalAveragePooling."""
    return kept(draft, layer, draft.add(layer.name, "mean", inputs))


def to_keras(keras: Any, layer: Layer, inputs: list[Any]) -> Any:
    """GlobalAveragePooling2D."""
    return keras.layers.GlobalAveragePooling2D(name=layer.name)(*inputs)


def from_tflite(net: Network, op: Operator) -> None:
    """MEAN over height and width."""
    x, record = net.source(op), net.input(op)
    axes = net.constant(op, 1, "axes", "int32").data
    assert axes is not None
    rank = len(record.shape)
    found = {int(axis) % rank for axis in axes.reshape(-1) if -rank <= axis < rank}
    spatial = set(range(1, rank - 1))
    if not {axis for axis in spatial if record.shape[axis] > 1} <= found <= spatial:
        raise net.fail(
            op,
            f"means over axes {axes.reshape(-1)[:8].tolist()} of {list(record.shape)}",
            "use GlobalAveragePooling, over height and width",
        )
    net.finish(op, net.add(op, "mean", (x,), {}, net.quant(op, net.output(op))))


def to_tflite(writer: Writer, node: Node) -> None:
    """MEAN."""
    axes = writer.constant(f"{node.name}.axes", np.array([1, 2], np.int32))
    kind = Written("MEAN", 2, Table("ReducerOptions", KeepDims=False))
    writer.operator(kind, [writer.value(node.inputs[0]), axes], writer.value(node.outputs[0]))


FROM_KERAS = {"GlobalAveragePooling1D": from_keras, "GlobalAveragePooling2D": from_keras}
TO_KERAS = {"mean": to_keras}
FROM_TFLITE = {"MEAN": from_tflite}
TO_TFLITE = {Mean: to_tflite}
