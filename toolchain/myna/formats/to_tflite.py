# SPDX-License-Identifier: Apache-2.0
"""What operators with byte for byte an op's result share: activations, padding, weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tflite

from myna.ir import Array, Node, Quant, Tensor
from myna.layers.clamp import quantized_six
from myna.ops.window import Window
from myna.tflite.schema import Table
from myna.tflite.writer import Operator, Writer, unequal


def activation(writer: Writer, node: Node, low: int, high: int) -> int:
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


def padding(writer: Writer, node: Node, window: Window) -> int | None:
    """SAME or VALID; None where a window has other padding."""
    h, w, _ = writer.tensor(node.inputs[0]).shape
    if not any(window.padding):
        return int(tflite.Padding.VALID)
    same = Window.of((h, w), window.kernel, window.strides, "same")
    return int(tflite.Padding.SAME) if window == same else None


def padded(writer: Writer, node: Node, margins: tuple[int, int, int, int]) -> int:
    """A map with margins of its zero point: top, bottom, left, right."""
    x = writer.tensor(node.inputs[0])
    (h, w, c), (top, bottom, left, right) = x.shape, margins
    wider = Tensor(f"{node.name}.padded", (h + top + bottom, w + left + right, c), x.dtype)
    output = writer.intermediate(replace(wider, quant=x.quant))
    surround(writer, node, margins, output)
    return output


def surround(writer: Writer, node: Node, margins: tuple[int, int, int, int], output: int) -> None:
    """PAD what a node reads."""
    top, bottom, left, right = margins
    rows = np.array([(0, 0), (top, bottom), (left, right), (0, 0)], np.int32)
    margin = writer.constant(f"{node.name}.margins", rows)
    pad = Operator("PAD", 2, Table("PadOptions"))
    writer.operator(pad, [writer.value(node.inputs[0]), margin], output)


def strides(window: Window) -> dict[str, int]:
    """Fields of an operator with a window."""
    return {"StrideH": window.strides[0], "StrideW": window.strides[1]}


def convolution(
    writer: Writer, node: Node, window: Window, limits: tuple[int, int]
) -> tuple[int, dict[str, int]]:
    """What a convolution reads, PAD in front where its padding is neither usual one; its fields."""
    kind, x = padding(writer, node, window), writer.value(node.inputs[0])
    if kind is None:
        kind, x = tflite.Padding.VALID, padded(writer, node, window.padding)
    fused = activation(writer, node, *limits)
    return x, {"Padding": kind, **strides(window), "FusedActivationFunction": fused}


def weighted(writer: Writer, node: Node, kind: Operator, x: int, weights: Array, axis: int) -> None:
    """A layer with weights; the bias of a channel has the unit of its products."""
    source, w, b = (writer.tensor(name) for name in node.inputs[:3])
    assert w.quant is not None
    units = Quant(tuple(source.scale * scale for scale in w.quant.scale))
    parameters = [
        writer.constant(w.name, weights, w.quant, axis),
        writer.constant(b.name, writer.data(b.name), units),
    ]
    writer.operator(kind, [x, *parameters], writer.value(node.outputs[0]))


def quantize(output: Tensor) -> Operator:
    """QUANTIZE, which makes a tensor."""
    return Operator("QUANTIZE", 2 if output.dtype == "int16" else 1, Table("QuantizeOptions"))
