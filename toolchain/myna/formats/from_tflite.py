# SPDX-License-Identifier: Apache-2.0
"""What translations of TensorFlow Lite's operators share: windows, activations, weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from myna.ir import Array
from myna.layers.clamp import ACTIVATIONS as FUSED
from myna.tflite.network import Network, positive
from myna.tflite.operators import ACTIVATIONS, PADDINGS
from myna.tflite.read import Operator, TensorRecord

BIAS_TOLERANCE = 1e-3  # relative: interpreters take the bias's scale to be input's times weight's


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


def weighted(
    net: Network,
    op: Operator,
    kind: str,
    x: str,
    attrs: dict[str, Any],
    w: TensorRecord,
    data: Array,
) -> None:
    """Append a layer with weights `data`, which `w` describes."""
    assert w.quantization is not None
    name = net.add(op, kind, (x,), attrs, net.quant(op, net.output(op)))
    scales, channels = w.quantization.scales, net.shapes[name][-1]
    net.biases[name] = _bias(net, op, scales * np.float32(net.quants[x].scale[0]), channels)
    net.weights[name] = data
    net.scales[name] = np.broadcast_to(scales, channels).astype(np.float32)
    net.finish(op, name)


def weights(net: Network, op: Operator, rank: int, axis: int) -> TensorRecord:
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
    q, data = b.quantization, array(b)
    if b.shape != (channels,):
        raise net.fail(op, f"has {list(b.shape)} biases for {channels} channels", "make it again")
    if q is None or q.scales.size != units.size or q.zero_points.any():
        raise net.fail(op, "its biases have no scales", "make the file again")
    if not (np.abs(q.scales - units) <= BIAS_TOLERANCE * units).all():
        what = "the scales of its biases are not input's times weights'"
        raise net.fail(op, what, "make the file again")
    return data


def channels_of(net: Network, op: Operator, x: str) -> int:
    """Channels of the map that an operator reads."""
    shape = net.shapes[x]
    if len(shape) != 3:
        raise net.fail(
            op, f"reads {list(shape)}, no map", "give it a [height, width, channels] map"
        )
    return shape[2]


def array(record: TensorRecord) -> Array:
    """A copy of a constant, in this machine's byte order."""
    assert record.data is not None
    return record.data.astype(record.dtype)
