# SPDX-License-Identifier: Apache-2.0
"""What operators without weights become."""

from __future__ import annotations

from collections.abc import Callable

from myna.tflite.network import Network
from myna.tflite.read import Operator
from myna.tflite.streams import add, quantize
from myna.tflite.weighted import activation, conv2d, dense, depthwise_conv2d, window

Rule = Callable[[Network, Operator], None]


def pool(net: Network, op: Operator) -> None:
    """AVERAGE_POOL_2D and MAX_POOL_2D; a fused activation becomes a layer."""
    x = net.source(op)
    kind = "average_pool" if op.name == "AVERAGE_POOL_2D" else "max_pool"
    attrs = window(net, op, int(op.options["filter_h"]), int(op.options["filter_w"]))
    quant, act = net.same_quant(op, x), activation(net, op)
    name = net.add(op, kind, (x,), attrs, quant)
    if act != "linear":
        name = net.add(op, act, (name,), {}, quant, "_" + act)
    net.finish(op, name)


def mean(net: Network, op: Operator) -> None:
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


def pad(net: Network, op: Operator) -> None:
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


def reshape(net: Network, op: Operator) -> None:
    """RESHAPE, SQUEEZE and EXPAND_DIMS: the output's shape says what they do."""
    x = net.source(op)
    net.same_quant(op, x)
    net.finish(op, x)


def concat(net: Network, op: Operator) -> None:
    """CONCATENATION along the channels, of equal scales."""
    parts = [net.source(op, position) for position in range(len(op.inputs))]
    rank = len(net.output(op).shape)
    if op.options["axis"] not in (-1, rank - 1):
        raise net.fail(op, f"joins along axis {op.options['axis']}", "concatenate along the last")
    if activation(net, op) != "linear":
        raise net.fail(op, "has an activation", "put it in the layers before")
    quants = [net.same_quant(op, part) for part in parts]
    net.finish(op, net.add(op, "concat", parts, {}, quants[0]))


def relu(net: Network, op: Operator) -> None:
    """RELU, which may change the scale, and RELU6, which may not."""
    x = net.source(op)
    quant = net.same_quant(op, x) if op.name == "RELU6" else net.quant(op, net.output(op))
    net.finish(op, net.add(op, op.name.lower(), (x,), {}, quant))


def softmax(net: Network, op: Operator) -> None:
    """SOFTMAX, at the end."""
    x = net.source(op)
    if op.options["beta"] != 1:
        raise net.fail(op, f"has a beta of {op.options['beta']:g}", "use Softmax as it is")
    if len(net.shapes[x]) != 1:
        raise net.fail(op, f"reads a map of shape {list(net.shapes[x])}", "flatten before it")
    net.end(op, softmax=True)


def dequantize(net: Network, op: Operator) -> None:
    """DEQUANTIZE, at the end: Myna's numbers stay integers."""
    net.end(op)


RULES: dict[str, Rule] = {
    "ADD": add,
    "AVERAGE_POOL_2D": pool,
    "CONCATENATION": concat,
    "CONV_2D": conv2d,
    "DEPTHWISE_CONV_2D": depthwise_conv2d,
    "DEQUANTIZE": dequantize,
    "EXPAND_DIMS": reshape,
    "FULLY_CONNECTED": dense,
    "MAX_POOL_2D": pool,
    "MEAN": mean,
    "PAD": pad,
    "PADV2": pad,
    "QUANTIZE": quantize,
    "RELU": relu,
    "RELU6": relu,
    "RESHAPE": reshape,
    "SOFTMAX": softmax,
    "SQUEEZE": reshape,
}
