# SPDX-License-Identifier: Apache-2.0
"""What each forward op becomes in TensorFlow Lite: the operators with byte for byte its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import tflite

from myna.ir import Array, Node, Quant, Tensor
from myna.ops import (
    Add,
    AveragePool,
    Concat,
    Conv2D,
    Couple,
    Dense,
    DepthwiseConv2D,
    MaxPool,
    Mean,
    Pad,
    Requantize,
    Reshape,
)
from myna.ops.window import Window
from myna.passes.lowering.quantize import quantized_six
from myna.tflite.schema import Table
from myna.tflite.writer import Operator, Writer, unequal

Rule = Callable[[Writer, Node], None]


def _activation(writer: Writer, node: Node, low: int, high: int) -> int:
    """The fused activation that clamps to these bounds, where a ReLU's lower one is real zero."""
    y = writer.tensor(node.outputs[0])
    least, most = np.iinfo(y.dtype).min, np.iinfo(y.dtype).max
    assert y.quant is not None
    kinds = tflite.ActivationFunctionType
    bounds = {
        kinds.RELU: (y.zero_point, most),
        kinds.RELU6: (y.zero_point, min(most, quantized_six(y.quant))),
        kinds.NONE: (least, most),
    }
    for kind, limits in bounds.items():
        if limits == (low, high):
            return int(kind)
    raise unequal(node, f"a clamp to {low} and {high} at zero point {y.zero_point}")


def _padding(writer: Writer, node: Node, window: Window) -> int | None:
    """SAME or VALID; None where a window has other padding."""
    h, w, _ = writer.tensor(node.inputs[0]).shape
    if not any(window.padding):
        return int(tflite.Padding.VALID)
    same = Window.of((h, w), window.kernel, window.strides, "same")
    return int(tflite.Padding.SAME) if window == same else None


def _padded(writer: Writer, node: Node, margins: tuple[int, int, int, int]) -> int:
    """A map with margins of its zero point: top, bottom, left, right."""
    x = writer.tensor(node.inputs[0])
    (h, w, c), (top, bottom, left, right) = x.shape, margins
    padded = Tensor(f"{node.name}.padded", (h + top + bottom, w + left + right, c), x.dtype)
    output = writer.intermediate(replace(padded, quant=x.quant))
    _surround(writer, node, margins, output)
    return output


def _surround(writer: Writer, node: Node, margins: tuple[int, int, int, int], output: int) -> None:
    top, bottom, left, right = margins
    rows = np.array([(0, 0), (top, bottom), (left, right), (0, 0)], np.int32)
    margin = writer.constant(f"{node.name}.margins", rows)
    pad = Operator("PAD", 2, Table("PadOptions"))
    writer.operator(pad, [writer.value(node.inputs[0]), margin], output)


def _layer(writer: Writer, node: Node, kind: Operator, x: int, weights: Array, axis: int) -> None:
    """A layer with weights; the bias of a channel has the unit of its products."""
    source, w, b = (writer.tensor(name) for name in node.inputs[:3])
    assert w.quant is not None
    units = Quant(tuple(source.scale * scale for scale in w.quant.scale))
    parameters = [
        writer.constant(w.name, weights, w.quant, axis),
        writer.constant(b.name, writer.data(b.name), units),
    ]
    writer.operator(kind, [x, *parameters], writer.value(node.outputs[0]))


def _convolution(writer: Writer, node: Node) -> None:
    """CONV_2D or DEPTHWISE_CONV_2D; PAD in front of it where the padding is neither usual one."""
    op = node.op
    assert isinstance(op, Conv2D | DepthwiseConv2D)
    padding, x = _padding(writer, node, op.window), writer.value(node.inputs[0])
    if padding is None:
        padding, x = tflite.Padding.VALID, _padded(writer, node, op.window.padding)
    activation = _activation(writer, node, op.low, op.high)
    fields = {"Padding": padding, **_strides(op.window), "FusedActivationFunction": activation}
    weights = writer.data(node.inputs[1])
    if isinstance(op, Conv2D):
        kind = Operator("CONV_2D", 3, Table("Conv2DOptions", **fields))
        _layer(writer, node, kind, x, weights, 0)
    else:
        options = Table("DepthwiseConv2DOptions", DepthMultiplier=1, **fields)
        kind = Operator("DEPTHWISE_CONV_2D", 3, options)
        _layer(writer, node, kind, x, weights[None], 3)


def _strides(window: Window) -> dict[str, int]:
    return {"StrideH": window.strides[0], "StrideW": window.strides[1]}


def _dense(writer: Writer, node: Node) -> None:
    op = node.op
    assert isinstance(op, Dense)
    activation = _activation(writer, node, op.low, op.high)
    options = Table("FullyConnectedOptions", FusedActivationFunction=activation)
    kind = Operator("FULLY_CONNECTED", 4, options)
    _layer(writer, node, kind, writer.value(node.inputs[0]), writer.data(node.inputs[1]), 0)


def _pool(writer: Writer, node: Node) -> None:
    assert isinstance(node.op, AveragePool | MaxPool)
    code = "AVERAGE_POOL_2D" if isinstance(node.op, AveragePool) else "MAX_POOL_2D"
    window = node.op.window
    padding = _padding(writer, node, window)
    if padding is None:  # PAD would add its zeros to the mean, or win as the maximum
        raise unequal(node, f"a pool with padding {window.padding}")
    fields = {**_strides(window), "FilterHeight": window.kernel[0], "FilterWidth": window.kernel[1]}
    options = Table("Pool2DOptions", Padding=padding, **fields)
    inputs = [writer.value(node.inputs[0])]
    writer.operator(Operator(code, 2, options), inputs, writer.value(node.outputs[0]))


def _requantize(writer: Writer, node: Node) -> None:
    """QUANTIZE; where there is a clamp, then RELU or RELU6 at equal scales, which clamp only."""
    op, (x, y) = node.op, (writer.tensor(name) for name in (*node.inputs, *node.outputs))
    assert isinstance(op, Requantize)
    activation = _activation(writer, node, op.low, op.high)
    clamped = (op.low, op.high) != (np.iinfo(op.to_type).min, np.iinfo(op.to_type).max)
    source, output = writer.value(x.name), writer.value(y.name)
    if not clamped:
        writer.operator(_quantize(y), [source], output)
        return
    if (x.dtype, x.quant) != (y.dtype, y.quant):
        free = writer.intermediate(replace(y, name=f"{y.name}.unclamped"))
        writer.operator(_quantize(y), [source], free)
        source = free
    code = "RELU6" if activation == tflite.ActivationFunctionType.RELU6 else "RELU"
    writer.operator(Operator(code, 2 if y.dtype == "int8" else 3), [source], output)


def _quantize(output: Tensor) -> Operator:
    options = Table("QuantizeOptions")
    return Operator("QUANTIZE", 2 if output.dtype == "int16" else 1, options)


def _couple(writer: Writer, node: Node) -> None:
    """QUANTIZE to int16, then ADD, which saturates where the coupling wraps."""
    x, branch = (writer.tensor(name) for name in node.inputs[:2])
    wide = writer.intermediate(replace(x, name=f"{branch.name}.wide"))
    writer.operator(_quantize(x), [writer.value(branch.name)], wide)
    add = Operator("ADD", 3, Table("AddOptions", PotScaleInt16=False))
    writer.operator(add, [writer.value(x.name), wide], writer.value(node.outputs[0]))


def _concat(writer: Writer, node: Node) -> None:
    axis = len(writer.tensor(node.outputs[0]).shape)  # the last, behind the batch
    kind = Operator("CONCATENATION", 2, Table("ConcatenationOptions", Axis=axis))
    inputs = [writer.value(name) for name in node.inputs]
    writer.operator(kind, inputs, writer.value(node.outputs[0]))


def _add(writer: Writer, node: Node) -> None:
    op = node.op
    assert isinstance(op, Add)
    activation = _activation(writer, node, op.low, op.high)
    kind = Operator("ADD", 2, Table("AddOptions", FusedActivationFunction=activation))
    inputs = [writer.value(name) for name in node.inputs]
    writer.operator(kind, inputs, writer.value(node.outputs[0]))


def _mean(writer: Writer, node: Node) -> None:
    axes = writer.constant(f"{node.name}.axes", np.array([1, 2], np.int32))
    kind = Operator("MEAN", 2, Table("ReducerOptions", KeepDims=False))
    writer.operator(kind, [writer.value(node.inputs[0]), axes], writer.value(node.outputs[0]))


def _pad(writer: Writer, node: Node) -> None:
    op = node.op
    assert isinstance(op, Pad)
    _surround(writer, node, op.margins, writer.value(node.outputs[0]))


def _reshape(writer: Writer, node: Node) -> None:
    op = node.op
    assert isinstance(op, Reshape)
    shape = np.array([1, *op.shape], np.int32)  # with the batch
    inputs = [writer.value(node.inputs[0]), writer.constant(f"{node.name}.shape", shape)]
    kind = Operator("RESHAPE", 1, Table("ReshapeOptions", NewShape=shape))
    writer.operator(kind, inputs, writer.value(node.outputs[0]))


RULES: Mapping[type, Rule] = {
    Add: _add,
    AveragePool: _pool,
    Concat: _concat,
    Conv2D: _convolution,
    Couple: _couple,
    Dense: _dense,
    DepthwiseConv2D: _convolution,
    MaxPool: _pool,
    Mean: _mean,
    Pad: _pad,
    Requantize: _requantize,
    Reshape: _reshape,
}
