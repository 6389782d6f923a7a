# SPDX-License-Identifier: Apache-2.0
"""Operators with weights: CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from myna.ir import Array
from myna.tflite.network import Network, positive
from myna.tflite.operators import ACTIVATIONS, PADDINGS
from myna.tflite.read import Operator, TensorRecord

FUSED = ("linear", "relu", "relu6")
BIAS_TOLERANCE = 1e-3  # relative: interpreters take the bias's scale to be input's times weight's


def conv2d(net: Network, op: Operator) -> None:
    """CONV_2D."""
    x = net.source(op)
    w = _weights(net, op, 4, 0)
    attrs = {**window(net, op, w.shape[1], w.shape[2]), "activation": activation(net, op)}
    channels = _channels(net, op, x)
    if w.shape[3] != channels:
        raise net.fail(
            op,
            f"its filters see {w.shape[3]} of {channels} channels",
            "use Conv2D without groups, or DepthwiseConv2D",
        )
    _weighted(net, op, "conv2d", x, {"filters": w.shape[0], **attrs}, w, _array(w))


def depthwise_conv2d(net: Network, op: Operator) -> None:
    """DEPTHWISE_CONV_2D; of one channel it is a convolution, whatever its multiplier."""
    x = net.source(op)
    w = _weights(net, op, 4, 3)
    attrs = {**window(net, op, w.shape[1], w.shape[2]), "activation": activation(net, op)}
    channels, multiplier = _channels(net, op, x), op.options["multiplier"]
    if w.shape[0] != 1 or w.shape[3] != channels * multiplier:
        what = f"its filters {list(w.shape)} do not fit {channels} channels × {multiplier}"
        raise net.fail(op, what, "make the file again")
    data = _array(w)[0]
    if multiplier == 1:
        _weighted(net, op, "depthwise_conv2d", x, attrs, w, data)
    elif channels == 1:
        filters = np.ascontiguousarray(data.transpose(2, 0, 1)[..., None])
        _weighted(net, op, "conv2d", x, {"filters": len(filters), **attrs}, w, filters)
    else:
        raise net.fail(
            op,
            f"makes {multiplier} channels of each of {channels}",
            "use depth_multiplier=1, and a pointwise Conv2D to widen",
        )


def dense(net: Network, op: Operator) -> None:
    """FULLY_CONNECTED."""
    x = net.source(op)
    w = _weights(net, op, 2, 0)
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
    _weighted(net, op, "dense", net.flat(op, x), attrs, w, _array(w))


def window(net: Network, op: Operator, height: int, width: int) -> dict[str, Any]:
    """The attributes of a sliding window."""
    options = op.options
    if options.get("dilation_w", 1) != 1 or options.get("dilation_h", 1) != 1:
        raise net.fail(op, "is dilated", "use dilation_rate=1, and larger strides or kernels")
    strides = [int(options["stride_h"]), int(options["stride_w"])]
    if not 0 <= options["padding"] < len(PADDINGS) or min(*strides, height, width) < 1:
        raise net.fail(op, f"has impossible options: {dict(options)}", "make the file again")
    size = "kernel" if "dilation_w" in options else "pool"
    return {size: [height, width], "strides": strides, "padding": PADDINGS[int(options["padding"])]}


def activation(net: Network, op: Operator) -> str:
    """The activation fused into an operator."""
    code = int(op.options["activation"])
    name = ACTIVATIONS[code] if 0 <= code < len(ACTIVATIONS) else str(code)
    if name not in FUSED:
        raise net.fail(op, f"has the activation {name}", "use ReLU, ReLU6 or none")
    return name


def _weighted(
    net: Network,
    op: Operator,
    kind: str,
    x: str,
    attrs: dict[str, Any],
    w: TensorRecord,
    data: Array,
) -> None:
    assert w.quantization is not None
    name = net.add(op, kind, (x,), attrs, net.quant(op, net.output(op)))
    scales, channels = w.quantization.scales, net.shapes[name][-1]
    net.biases[name] = _bias(net, op, scales * np.float32(net.quants[x].scale[0]), channels)
    net.weights[name] = data
    net.scales[name] = np.broadcast_to(scales, channels).astype(np.float32)
    net.finish(op, name)


def _weights(net: Network, op: Operator, rank: int, axis: int) -> TensorRecord:
    """The weights of an operator, checked, with their channels along an axis."""
    w = net.constant(op, 1, "weights", "int8")
    again = "convert it with TensorFlow's converter, per channel"
    if len(w.shape) != rank:
        raise net.fail(op, f"its weights have the shape {list(w.shape)}", "make the file again")
    if net.uses(w.index) > 1:
        raise net.fail(op, "shares its weights", "give each layer weights of its own")
    q = w.quantization
    if q is None or q.scales.size not in (1, w.shape[axis]) or not positive(q.scales):
        raise net.fail(op, "its weights have no scale for each channel", again)
    if q.scales.size > 1 and q.axis != axis:
        raise net.fail(op, f"its weights have scales along axis {q.axis}, not {axis}", again)
    if q.zero_points.any() or np.any(w.data == -128):
        raise net.fail(op, "its weights are not symmetric in [-127, 127]", again)
    return w


def _bias(net: Network, op: Operator, units: Array, channels: int) -> Array:
    """The biases of an operator; zeros where there are none."""
    if not net.given(op, 2):
        return np.zeros(channels, np.int32)
    b = net.constant(op, 2, "biases", "int32")
    q, data = b.quantization, _array(b)
    if b.shape != (channels,):
        raise net.fail(op, f"has {list(b.shape)} biases for {channels} channels", "make it again")
    if q is None or q.scales.size != units.size or q.zero_points.any():
        raise net.fail(op, "its biases have no scales", "make the file again")
    if not (np.abs(q.scales - units) <= BIAS_TOLERANCE * units).all():
        what = "the scales of its biases are not input's times weights'"
        raise net.fail(op, what, "make the file again")
    return data


def _channels(net: Network, op: Operator, x: str) -> int:
    shape = net.shapes[x]
    if len(shape) != 3:
        raise net.fail(
            op, f"reads {list(shape)}, no map", "give it a [height, width, channels] map"
        )
    return shape[2]


def _array(record: TensorRecord) -> Array:
    """A copy of a constant, in this machine's byte order."""
    assert record.data is not None
    return record.data.astype(record.dtype)
