# SPDX-License-Identifier: Apache-2.0
"""How reversible networks are written in TensorFlow Lite: int16 streams that are added to.

A coupling is QUANTIZE of its branch to int16 and an int16 ADD to its stream, all of one scale. A
stream begins where QUANTIZE widens what a layer computes, and is read through QUANTIZE to int8.
Sums beyond int16, which the scale keeps away, saturate in TensorFlow Lite and wrap in Myna.
"""

from __future__ import annotations

from myna.ir import Quant
from myna.layers.table import weighted
from myna.names import NARROW
from myna.tflite.network import Network
from myna.tflite.read import Operator

AS_EXPORTED = "use int8 additions, or a reversible network as `myna export` writes it"


def stream(net: Network, op: Operator, position: int) -> str:
    """The layer that yields an int16 stream; one begins where it is first read."""
    index = net.input(op, position).index
    if (widening := net.widened.pop(index, None)) is not None:
        name, quant = net.source(widening), symmetric(net, widening)
        if net.uses(net.input(widening).index) > 1 or not _begins(net, name):
            what = f"widens {name!r}, which is not a convolution for this alone"
            raise net.fail(widening, what, AS_EXPORTED)
        net.quants[name + NARROW], net.quants[name] = net.quants[name], quant
        net.named[index] = name
        net.started.append((op, name))
    return net.source(op, position, "int16")


def symmetric(net: Network, op: Operator) -> Quant:
    """Quantization of the int16 that an operator makes."""
    quant = net.quant(op, net.output(op))
    if quant.zero_point:
        raise net.fail(op, "makes int16 with a zero point", "use one of 0")
    return quant


def _begins(net: Network, name: str) -> bool:
    return any(layer.name == name and weighted(layer) for layer in net.layers)
