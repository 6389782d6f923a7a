# SPDX-License-Identifier: Apache-2.0
"""What convolution, depthwise convolution and dense layers share.

Forward requantization per output channel with a fused clamp, and the gradient rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from myna import fixed
from myna.errors import MynaError
from myna.fixed import IntArray
from myna.ir import Array, Node
from myna.ops.base import ClampOp, GradOp, Op
from myna.ops.sgd import BiasUpdate
from myna.ops.tape import Tape

ACCUMULATOR_MAX = 2**31 - 1
MOST_POSITIONS = 0xFFFF  # of a weight: a kernel counts so many, and 255 * 127 of each fit int32


@dataclass(frozen=True)
class Layer(ClampOp):
    """Zero points and clamp of a layer with int8 input, weights and output.

    ``y = clamp(requantize(Σ (x − x_zero)·w + bias) + y_zero, low, high)``
    """

    x_zero: int
    y_zero: int
    low: int
    high: int

    def finish(self, acc: IntArray, bias: Array, mantissa: Array, shift: Array) -> Array:
        """Bias, requantization and clamp of an accumulator [..., cout]."""
        scaled = fixed.requantize(acc + bias, mantissa, shift)
        return fixed.saturate(scaled + self.y_zero, self.low, self.high).astype(np.int8)

    def fields(self) -> dict[str, int]:
        """The C fields of zero points and clamp."""
        return {f"layer.{n}": getattr(self, n) for n in ("x_zero", "y_zero", "low", "high")}

    @classmethod
    def example(cls, i: int, **geometry: Any) -> Self:
        """A layer for test case ``i`` that takes turns with zero points and clamps."""
        low, high = [(-128, 127), (-100, 50), (-3, 127)][i % 3]
        return cls(x_zero=(-128, 0, 5, 127)[i % 4], y_zero=i - 3, low=low, high=high, **geometry)

    @staticmethod
    def example_rest(rng: np.random.Generator, cout: int, taps: int) -> tuple[Array, ...]:
        """Random bias, mantissa and shift for which outputs fill the int8 range."""
        factors = rng.uniform(0.5, 2, cout) / (110 * taps**0.5)
        multipliers = [fixed.requantize_multiplier(float(f)) for f in factors]
        mantissa, shift = np.array(multipliers, np.int32).T.copy()
        return rng.integers(-5000, 5000, cout).astype(np.int32), mantissa, shift


def channel_weights(scales: tuple[float, ...], terms: int) -> tuple[Array, float]:
    """Per-channel weight scales as integers, and the real value of one unit.

    At most 256, so that ``dy · channel`` fits int16; less where ``terms`` products of 127·127
    would overflow the int32 accumulator.

    Args:
        scales: weight scale per output channel.
        terms: number of products summed into one input gradient.
    """
    top = min(256, ACCUMULATOR_MAX // (127 * 127 * terms))
    if top < 1:
        raise MynaError(f"an input gradient of {terms} terms cannot be proven to fit int32")
    largest = max(scales)
    channel = [round(s / largest * top) for s in scales]
    return np.array(channel, np.int16), largest / top


def train_layer(
    tape: Tape,
    node: Node,
    layer: Layer,
    grad_input: Callable[[tuple[fixed.Pair, ...]], GradOp],
    update: Callable[[int], Op],
) -> None:
    """The gradient rule of a layer: input gradient first, then the updates that change weights.

    Args:
        tape: receives the nodes.
        node: the forward node; its inputs begin with x, w, bias.
        layer: the forward op.
        grad_input: makes the input-gradient op from its factors.
        update: makes the weight-update op from its PRNG tag.
    """
    x, w, bias = (tape.tensor(name) for name in node.inputs[:3])
    incoming = tape.unclamped(
        node.outputs[0], layer.low, layer.high, layer.y_zero, capped=layer.capped
    )
    if w.quant is None:
        raise MynaError("has no scales, so it cannot be trained", where=f"tensor {w.name}")
    positions = tape.tensor(node.outputs[0]).size // bias.size
    if positions > MOST_POSITIONS:
        raise MynaError(
            f"a weight gradient of {positions} terms, more than {MOST_POSITIONS}, may leave int32",
            where=f"node {node.name}",
        )
    scales = np.broadcast_to(w.quant.scale, bias.shape)
    if tape.wants(x.name):
        channel, unit = channel_weights(tuple(scales), w.size // w.shape[-1])
        op = grad_input((fixed.pair_from_float(unit * incoming.factor),))
        data = (incoming.tensor, w.name, tape.const(f"{w.name}.channel", channel))
        tape.quantized(x.name, op, data, incoming)
    tape.train(w.name, update, (x.name,), incoming, 256 * x.scale / scales)
    tape.train_bias(bias.name, BiasUpdate, incoming, 1 / (x.scale * scales))
