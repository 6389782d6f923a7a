# SPDX-License-Identifier: Apache-2.0
"""Pools over windows, and the maximum of a whole map."""

from __future__ import annotations

from typing import Any

from myna.formats import to_tflite as write
from myna.formats.from_keras import kept, pair
from myna.formats.from_tflite import activation, window
from myna.frontend.keras_draft import Draft
from myna.ir import Node
from myna.layers.base import Layer, Shape
from myna.ops.max_pool import MaxPool
from myna.ops.pool import AveragePool
from myna.tflite.network import Network
from myna.tflite.read import Operator
from myna.tflite.schema import Table
from myna.tflite.writer import Operator as Written
from myna.tflite.writer import Writer, unequal


def from_keras(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """AveragePooling and MaxPooling, over one or two dimensions."""
    op = "average_pool" if type(layer).__name__.startswith("Average") else "max_pool"
    sizes = {"pool": pair(layer.pool_size), "strides": pair(layer.strides)}
    return draft.add(layer.name, op, inputs, padding=layer.padding, **sizes)


def from_keras_global(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """GlobalMaxPooling."""
    whole = list(shape[:2])
    x = draft.add(
        f"{layer.name}_map", "max_pool", inputs, pool=whole, strides=whole, padding="valid"
    )
    return kept(draft, layer, draft.add(layer.name, "flatten", [x]))


def to_keras(keras: Any, layer: Layer, inputs: list[Any]) -> Any:
    """AveragePooling2D or MaxPooling2D."""
    mean = layer.op == "average_pool"
    kind = keras.layers.AveragePooling2D if mean else keras.layers.MaxPooling2D
    sizes = (layer.attrs[key] for key in ("pool", "strides", "padding"))
    return kind(*sizes, name=layer.name)(*inputs)


def from_tflite(net: Network, op: Operator) -> None:
    """AVERAGE_POOL_2D and MAX_POOL_2D; a fused activation becomes a layer."""
    x = net.source(op)
    kind = "average_pool" if op.name == "AVERAGE_POOL_2D" else "max_pool"
    attrs = window(net, op, int(op.options["filter_h"]), int(op.options["filter_w"]))
    quant, act = net.same_quant(op, x), activation(net, op)
    name = net.add(op, kind, (x,), attrs, quant)
    if act != "linear":
        name = net.add(op, act, (name,), {}, quant, "_" + act)
    net.finish(op, name)


def to_tflite(writer: Writer, node: Node) -> None:
    """AVERAGE_POOL_2D or MAX_POOL_2D."""
    assert isinstance(node.op, AveragePool | MaxPool)
    code = "AVERAGE_POOL_2D" if isinstance(node.op, AveragePool) else "MAX_POOL_2D"
    sizes = node.op.window
    padding = write.padding(writer, node, sizes)
    if padding is None:  # PAD would add its zeros to the mean, or win as the maximum
        raise unequal(node, f"a pool with padding {sizes.padding}")
    kernel = {"FilterHeight": sizes.kernel[0], "FilterWidth": sizes.kernel[1]}
    options = Table("Pool2DOptions", Padding=padding, **write.strides(sizes), **kernel)
    inputs = [writer.value(node.inputs[0])]
    writer.operator(Written(code, 2, options), inputs, writer.value(node.outputs[0]))


FROM_KERAS = {
    "AveragePooling1D": from_keras,
    "AveragePooling2D": from_keras,
    "GlobalMaxPooling1D": from_keras_global,
    "GlobalMaxPooling2D": from_keras_global,
    "MaxPooling1D": from_keras,
    "MaxPooling2D": from_keras,
}
TO_KERAS = {"average_pool": to_keras, "max_pool": to_keras}
FROM_TFLITE = {"AVERAGE_POOL_2D": from_tflite, "MAX_POOL_2D": from_tflite}
TO_TFLITE = {AveragePool: to_tflite, MaxPool: to_tflite}
