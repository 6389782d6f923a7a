# SPDX-License-Identifier: Apache-2.0
"""Activations, and changes of the scale: QUANTIZE also begins and ends reversible streams."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import tflite

from myna.formats import to_tflite as write
from myna.formats.from_keras import activated, from_the_end
from myna.formats.streams import stream
from myna.frontend.keras_draft import SOFTMAX, Draft
from myna.ir import Node
from myna.layers.base import Layer, Shape
from myna.ops.requantize import Requantize
from myna.tflite.network import Network
from myna.tflite.read import Operator
from myna.tflite.writer import Operator as Written
from myna.tflite.writer import Writer


def from_keras(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """Activation."""
    return activated(draft, layer, inputs[0])


def from_keras_relu(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """ReLU, and that of keras.ops."""
    top = getattr(layer, "max_value", None)
    if (
        getattr(layer, "negative_slope", 0)
        or getattr(layer, "threshold", 0)
        or top not in (None, 6)
    ):
        draft.fail("is not the plain ReLU", "use ReLU(), or ReLU(max_value=6)")
    return draft.add(layer.name, "relu" if top is None else "relu6", inputs)


def from_keras_relu6(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """Relu6 of keras.ops."""
    return draft.add(layer.name, "relu6", inputs)


def from_keras_softmax(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """Softmax, which must come last."""
    if from_the_end(layer, layer.axis) != -1:
        draft.fail("runs along another axis", "use axis=-1")
    return draft.add(layer.name, SOFTMAX, inputs)


def to_keras(keras: Any, layer: Layer, inputs: list[Any]) -> Any:
    """ReLU."""
    limit = 6.0 if layer.op == "relu6" else None
    return keras.layers.ReLU(max_value=limit, name=layer.name)(*inputs)


def to_keras_linear(keras: Any, layer: Layer, inputs: list[Any]) -> Any:
    """Identity."""
    return keras.layers.Identity(name=layer.name)(*inputs)


def from_tflite_relu(net: Network, op: Operator) -> None:
    """RELU, which may change the scale, and RELU6, which may not."""
    x = net.source(op)
    quant = net.same_quant(op, x) if op.name == "RELU6" else net.quant(op, net.output(op))
    net.finish(op, net.add(op, op.name.lower(), (x,), {}, quant))


def from_tflite_softmax(net: Network, op: Operator) -> None:
    """SOFTMAX, at the end."""
    x = net.source(op)
    if op.options["beta"] != 1:
        raise net.fail(op, f"has a beta of {op.options['beta']:g}", "use Softmax as it is")
    if len(net.shapes[x]) != 1:
        raise net.fail(op, f"reads a map of shape {list(net.shapes[x])}", "flatten before it")
    net.end(op, softmax=True)


def from_tflite_dequantize(net: Network, op: Operator) -> None:
    """DEQUANTIZE, at the end: Myna's numbers stay integers."""
    net.end(op)


def from_tflite_quantize(net: Network, op: Operator) -> None:
    """QUANTIZE: at the input, at the end, between int8 scales, into a stream and out of one."""
    source, made = net.input(op), net.output(op)
    if source.index in net.file.inputs and source.dtype != "int8":
        net.begin(op, made)
    elif made.dtype == "uint8" and made.index in net.file.outputs:
        net.end(op)
    elif made.dtype == "int16":
        net.source(op)
        net.widened[made.index] = op
    else:
        x = stream(net, op, 0) if source.dtype == "int16" else net.source(op)
        net.finish(op, net.add(op, "linear", (x,), {}, net.quant(op, made)))


def to_tflite(writer: Writer, node: Node) -> None:
    """QUANTIZE; where there is a clamp, then RELU or RELU6 at equal scales, which clamp only."""
    op, (x, y) = node.op, (writer.tensor(name) for name in (*node.inputs, *node.outputs))
    assert isinstance(op, Requantize)
    fused = write.activation(writer, node, op.low, op.high)
    clamped = (op.low, op.high) != (np.iinfo(op.to_type).min, np.iinfo(op.to_type).max)
    source, output = writer.value(x.name), writer.value(y.name)
    if not clamped:
        writer.operator(write.quantize(y), [source], output)
        return
    if (x.dtype, x.quant) != (y.dtype, y.quant):
        free = writer.intermediate(replace(y, name=f"{y.name}.unclamped"))
        writer.operator(write.quantize(y), [source], free)
        source = free
    code = "RELU6" if fused == tflite.ActivationFunctionType.RELU6 else "RELU"
    writer.operator(Written(code, 2 if y.dtype == "int8" else 3), [source], output)


FROM_KERAS = {
    "Activation": from_keras,
    "ReLU": from_keras_relu,
    "Relu": from_keras_relu,
    "Relu6": from_keras_relu6,
    "Softmax": from_keras_softmax,
}
TO_KERAS = {"linear": to_keras_linear, "relu": to_keras, "relu6": to_keras}
FROM_TFLITE = {
    "DEQUANTIZE": from_tflite_dequantize,
    "QUANTIZE": from_tflite_quantize,
    "RELU": from_tflite_relu,
    "RELU6": from_tflite_relu,
    "SOFTMAX": from_tflite_softmax,
}
TO_TFLITE = {Requantize: to_tflite}
