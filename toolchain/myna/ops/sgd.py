# SPDX-License-Identifier: Apache-2.0
"""The weight update: plain SGD on a 16-bit master, rounded stochastically.

A trained int8 weight ``w`` has an int8 residual ``r`` beside it: ``master = 256·w + r`` with ``w``
the nearest int8. The kernels read ``w`` alone. Per output channel,
``multiplier = rate · scale(dy) · steps[c]`` turns the exact int32 gradient accumulator into Q16
master steps; a 16-bit random number is added and the fraction dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from myna import fixed
from myna.fixed import IntArray
from myna.ir import Array, Tensor
from myna.ops.base import SCALAR, Case, Op, Type, int64, pair, pair_tensor

MASTER_MAX = 127 * 256 + 127
MASTER_MIN = -127 * 256 - 128
BIAS_MAX = (1 << 29) - 1  # leaves three quarters of the accumulator to the products


@dataclass(frozen=True)
class UpdateInputs:
    """The inputs that every update shares, in the order in which they follow ``dy``."""

    scale: Array  # pair: scale of dy
    steps: Array  # int32[cout, 2]: pair per output channel
    rate: Array  # pair: learning rate
    seed: Array  # int32[1]
    step: Array  # int32[1]

    def deltas(self, accumulator: IntArray, tag: int, axis: int = 0) -> IntArray:
        """Integer steps for the gradient accumulator of a weight.

        Args:
            accumulator: int32 values in the layout of the weight; random numbers follow it.
            tag: the PRNG tag of the tensor.
            axis: the axis of the output channels.
        """
        key = fixed.key(int(self.seed[0]), int(self.step[0]), tag)
        noise = fixed.random16(key, accumulator.size).reshape(accumulator.shape)
        return np.asarray((self.exact(accumulator, axis) + noise) >> 16)

    def exact(self, accumulator: IntArray, axis: int = 0) -> IntArray:
        """The steps in Q16, before they are rounded."""
        mantissa, exponent = fixed.pair_mul(pair(self.rate), pair(self.scale))
        base = (mantissa, exponent + 16)
        q16 = [
            fixed.pair_multiplier(fixed.pair_mul(base, channel)) for channel in self.steps.tolist()
        ]
        column = [1] * accumulator.ndim
        column[axis] = -1
        factor, shift = np.array(q16, np.int64).T.reshape(2, *column)
        return fixed.scale32(accumulator, factor, shift)


def update_weight(weight: Array, residual: Array, deltas: IntArray) -> tuple[Array, Array]:
    """Apply integer steps to the two planes of a weight; the residual's may be a longer one."""
    low = residual.reshape(-1)[: weight.size].reshape(weight.shape)
    master = 256 * int64(weight) + int64(low) - deltas
    master = fixed.saturate(master, MASTER_MIN, MASTER_MAX)
    high = (master + 128) >> 8
    updated = residual.copy()
    updated.reshape(-1)[: weight.size] = (master - 256 * high).reshape(-1)
    return high.astype(np.int8), updated


@dataclass(frozen=True)
class BiasUpdate(Op):
    """Update an int32 bias by the sum of the output gradient over all positions.

    Inputs: dy int8 [..., c], scale, steps, rate, seed, step, bias int32 [c] (updated).
    """

    tag: int
    kernel: ClassVar[str] = "myna_bias_update"
    struct: ClassVar[str] = "bias_update"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        return ((inputs[-1].shape, "int32"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        dy, *shared, bias = inputs
        total = int64(dy).reshape(-1, bias.size).sum(axis=0)
        updated = int64(bias) - UpdateInputs(*shared).deltas(total, self.tag)
        return (fixed.saturate(updated, -BIAS_MAX, BIAS_MAX).astype(np.int32),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        channels = outputs[0].size
        return {"positions": inputs[0].size // channels, "channels": channels, "tag": self.tag}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(2)
        for i, (positions, channels) in enumerate([(1, 12), (125, 3), (9, 64)]):
            dy = rng.integers(-127, 128, (positions, channels)).astype(np.int8)
            bias = rng.integers(-(2**16), 2**16, channels).astype(np.int32)
            inputs = (dy, *shared_inputs(rng, channels, 1e3), bias)
            yield Case(f"bias_update{i}", cls(77 + i), inputs, updates=(6,))
        ends = np.array([BIAS_MAX, BIAS_MAX, -BIAS_MAX, -BIAS_MAX], np.int32)
        dy = np.array([[-127, 127, -127, 127]], np.int8)  # two of them go beyond
        yield Case("bias_limits", cls(80), (dy, *shared_inputs(rng, 4, 1e3), ends), updates=(6,))


def telling_size(accumulator: IntArray, number: int) -> float:
    """``size`` of `shared_inputs` at which a case's update tells: most weights change by an int8
    step or two; in every fourth case, many reach their limits."""
    typical = float(np.sqrt(np.mean(np.square(accumulator.astype(np.float64))))) or 1.0
    return (20_000 if number % 4 == 3 else 300) / (3e-4 * 0.01 * typical)


def shared_inputs(rng: np.random.Generator, channels: int, size: float) -> tuple[Array, ...]:
    """Random shared inputs for test cases, steps about ``size``."""
    steps = [fixed.pair_from_float(float(v) * size) for v in rng.uniform(0.1, 2, channels)]
    return (
        pair_tensor(3e-4),
        np.array(steps, np.int32),
        pair_tensor(0.01),
        rng.integers(0, 2**31, 1).astype(np.int32),
        rng.integers(0, 1000, 1).astype(np.int32),
    )


@dataclass(frozen=True)
class Advance(Op):
    """Count one training step. Input and output: step int32[1] (updated)."""

    kernel: ClassVar[str] = "myna_advance_step"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        return (SCALAR,)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        return ((inputs[0] + 1).astype(np.int32),)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        yield Case("advance", cls(), (np.array([41], np.int32),), updates=(0,))
