# SPDX-License-Identifier: Apache-2.0
"""What the integer forms of layers write into: ops, constants, and which tensor carries a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from myna import fixed
from myna.errors import MynaError
from myna.ir import Array, Builder, Graph, Kind, Operation, Quant, Tensor
from myna.layers.clamp import clamp
from myna.names import NARROW, WRAPS
from myna.ops.requantize import Requantize
from myna.ops.sgd import BIAS_MAX

CALIBRATE = "its range over the calibration data is too small: calibrate with other data"


class Parameters(Protocol):
    """The integers of a network: `myna.passes.lowering.quantize.QuantizedModel`."""

    @property
    def quants(self) -> Mapping[str, Quant]:
        """Quantization of the input and of every layer's output."""

    @property
    def weights(self) -> Mapping[str, Array]:
        """Int8, by layer."""

    @property
    def scales(self) -> Mapping[str, Array]:
        """Float32 weight scale per output channel, by layer."""

    @property
    def biases(self) -> Mapping[str, Array]:
        """Int32, by layer."""

    def own_quant(self, name: str) -> Quant:
        """In what a layer computes: int8, even if a reversible stream widens it to int16."""


class Lowering:
    """Grows the forward graph of a network, layer by layer.

    Args:
        name: of the network.
        parameters: its integers.
        stream: the layers, or the input, whose values are int16.
        flat: the layers that only such layers read as do not look at shapes.
    """

    def __init__(
        self, name: str, parameters: Parameters, stream: frozenset[str], flat: frozenset[str]
    ) -> None:
        self._name, self._parameters = name, parameters
        self._stream, self.flat = stream, flat
        self._build = Builder(Graph(name, {}, (), ()))
        self._carriers: dict[str, str] = {}  # layer -> tensor, another where no op is needed

    def begin(self, name: str, shape: tuple[int, ...]) -> None:
        """Declare the network's input, int8."""
        self._build.tensor(Tensor(name, shape, "int8", Kind.INPUT, self.quant(name)))
        self._carriers[name] = name
        if self._stream:
            self._build.state(WRAPS, np.zeros(1, np.int32))

    def finish(self, output: str) -> Graph:
        """The graph, with a layer's values as its output."""
        self._build.outputs = [self._carriers[output]]
        return self._build.build()

    def source(self, name: str) -> Tensor:
        """The tensor that carries the values of a layer, or of the input."""
        return self._build.tensors[self._carriers[name]]

    def carry(self, layer: str, tensor: str) -> None:
        """Let a tensor carry the values of a layer."""
        self._carriers[layer] = tensor

    def quant(self, name: str) -> Quant:
        """Quantization of a layer's output."""
        return self._parameters.quants[name]

    def own_quant(self, name: str) -> Quant:
        """In what a layer computes, before a reversible stream widens it."""
        return self._parameters.own_quant(name)

    def emit(self, name: str, op: Operation, inputs: Sequence[str], quant: Quant) -> None:
        """Append an op whose result is called as its node, and carries the layer of that name."""
        self._build.node(name, op, inputs, (name,))
        self._build.requantized(name, quant)
        self._carriers[name] = name

    def update_wraps(self, name: str, op: Operation, inputs: Sequence[str], quant: Quant) -> None:
        """Append an op that also counts wraps of its stream."""
        self._build.node(name, op, (*inputs, WRAPS), (name, WRAPS))
        self._build.requantized(name, quant)
        self._carriers[name] = name

    def weighted(self, name: str, op: Operation, inputs: Sequence[str]) -> None:
        """Append an op with weights; where its layer feeds a stream, that is widened."""
        own = self.own_quant(name)
        if name not in self._stream:
            self.emit(name, op, inputs, own)
            return
        self.emit(name + NARROW, op, inputs, own)
        self.requantize(name, name + NARROW, "linear")

    def parameters(self, name: str, x: Tensor, channel_axis: int) -> list[str]:
        """Constants of a layer with weights: weights, biases, mantissas and shifts.

        Raises:
            MynaError: its accumulator cannot be proven to stay below 2^30.
        """
        p, own = self._parameters, self.own_quant(name)
        weight, bias, scales = p.weights[name], p.biases[name], p.scales[name]
        taps = weight.size // weight.shape[channel_axis]
        if taps * 255 * 127 + BIAS_MAX >= fixed.SMALL:
            what = f"{taps} products per output cannot be proven to stay below 2^30"
            raise self.fail(name, what, "make the layer smaller")
        if weight.min() < -127 or np.abs(bias.astype(np.int64)).max() > BIAS_MAX:
            raise self.fail(
                name,
                f"has a weight of -128 or a bias beyond {BIAS_MAX}, so that sums can overflow",
                "quantize it again, with symmetric weights",
            )
        factors = [x.scale * float(s) / own.scale[0] for s in scales]
        multipliers = [fixed.requantize_multiplier(f) for f in factors]
        if any(shift > 0 for _, shift in multipliers):
            raise self.fail(
                name,
                "scales its accumulator up, which can overflow",
                "its output range is too small for its weights: calibrate with other data",
            )
        mantissa, shift = np.array(multipliers, np.int32).T.copy()
        return [
            self._build.const(f"{name}.w", weight, Quant(tuple(float(s) for s in scales))),
            self._build.const(f"{name}.b", bias),
            self._build.const(f"{name}.mantissa", mantissa),
            self._build.const(f"{name}.shift", shift),
        ]

    def requantize(self, name: str, source: str, activation: str) -> None:
        """Append what brings a tensor to a layer's scale and type, and clamps it."""
        x, quant = self._build.tensors[source], self.quant(name)
        to_type = "int16" if name in self._stream else "int8"
        mantissa, shift = self.multiplier(name, x, quant.scale[0])
        limits = clamp(activation, quant, to_type)
        zeros = (x.zero_point, quant.zero_point)
        op = Requantize(x.dtype, to_type, mantissa, shift, *zeros, **limits)
        self.emit(name, op, [source], quant)

    def multiplier(self, name: str, x: Tensor, scale: float, terms: int = 1) -> tuple[int, int]:
        """The multiplier from a sum of ``x`` to another scale; its operand, shifted, is small.

        Raises:
            MynaError: it is not.
        """
        mantissa, shift = fixed.requantize_multiplier(x.scale / scale)
        largest = terms << (15 if x.dtype == "int16" else 8)  # of x minus its zero point
        if largest << max(shift, 0) >= fixed.SMALL:
            what = f"changes the scale from {x.scale:g} to {scale:g}, more than int32 can hold"
            raise self.fail(name, what, CALIBRATE)
        return mantissa, shift

    def fail(self, layer: str, what: str, fix: str) -> MynaError:
        """An error at a layer."""
        return MynaError(what, where=f"model {self._name}, layer {layer}", fix=fix)
