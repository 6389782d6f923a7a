# SPDX-License-Identifier: Apache-2.0
"""ADD and QUANTIZE, with which reversible networks are written: int16 streams that are added to.

A coupling is QUANTIZE of its branch to int16 and an int16 ADD to its stream, all of one scale. A
stream begins where QUANTIZE widens what a layer computes, and is read through QUANTIZE to int8.
Sums beyond int16, which the scale keeps away, saturate in TensorFlow Lite and wrap in Myna.
"""

from __future__ import annotations

from myna.ir import Quant
from myna.names import NARROW
from myna.tflite.network import Network
from myna.tflite.read import Operator
from myna.tflite.weighted import activation

WEIGHTED = ("conv2d", "depthwise_conv2d", "dense")
AS_EXPORTED = "use int8 additions, or a reversible network as `myna export` writes it"


def quantize(net: Network, op: Operator) -> None:
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
        x = _stream(net, op, 0) if source.dtype == "int16" else net.source(op)
        net.finish(op, net.add(op, "linear", (x,), {}, net.quant(op, made)))


def add(net: Network, op: Operator) -> None:
    """ADD of two activations."""
    if net.output(op).dtype == "int16":
        _couple(net, op)
        return
    parts = [net.source(op, position) for position in range(2)]
    attrs = {"activation": activation(net, op)}
    net.finish(op, net.add(op, "add", parts, attrs, net.quant(op, net.output(op))))


def _couple(net: Network, op: Operator) -> None:
    first, second = net.input(op, 0).index, net.input(op, 1).index
    branch = 1 if second in net.widened else 0
    widening = net.widened.get((first, second)[branch])
    if widening is None or first == second:
        raise net.fail(op, "adds streams of int16", AS_EXPORTED)
    x = _stream(net, op, 1 - branch)
    quant = _symmetric(net, op)
    if quant != net.quants[x] or quant != _symmetric(net, widening):
        raise net.fail(op, "adds int16 tensors of different scales", AS_EXPORTED)
    if activation(net, op) != "linear":
        raise net.fail(op, "has an activation", AS_EXPORTED)
    net.finish(op, net.add(op, "couple", (x, net.source(widening)), {}, quant), "int16")


def _stream(net: Network, op: Operator, position: int) -> str:
    """The layer that yields an int16 stream; one begins where it is first read."""
    index = net.input(op, position).index
    if (widening := net.widened.pop(index, None)) is not None:
        name, quant = net.source(widening), _symmetric(net, widening)
        if net.uses(net.input(widening).index) > 1 or not _begins(net, name):
            what = f"widens {name!r}, which is not a convolution for this alone"
            raise net.fail(widening, what, AS_EXPORTED)
        net.quants[name + NARROW], net.quants[name] = net.quants[name], quant
        net.named[index] = name
        net.started.append((op, name))
    return net.source(op, position, "int16")


def _begins(net: Network, name: str) -> bool:
    return any(layer.name == name and layer.op in WEIGHTED for layer in net.layers)


def _symmetric(net: Network, op: Operator) -> Quant:
    quant = net.quant(op, net.output(op))
    if quant.zero_point:
        raise net.fail(op, "makes int16 with a zero point", "use one of 0")
    return quant
