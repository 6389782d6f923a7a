# SPDX-License-Identifier: Apache-2.0
"""Elementwise gradient ops: masking by a clamped activation, and summing where values fan out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from myna import fixed
from myna.ir import Array, Tensor
from myna.ops.base import (
    SCALAR,
    Case,
    GradOp,
    Op,
    Type,
    expect,
    int64,
    pair_fields,
    pair_tensor,
    peak,
    ratio,
)

NO_LOW, NO_HIGH = -129, 128  # bounds that no int8 value reaches
NO_HIGH16 = 32768


@dataclass(frozen=True)
class _Mask(Op):
    """Pass where ``low < y < high``, zero elsewhere. Inputs: dy int8, y."""

    low: int
    high: int
    struct: ClassVar[str] = "clamp_grad"
    shares: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        expect(inputs[0].shape == inputs[1].shape, "differs in shape from its gradient", inputs[1])
        return ((inputs[0].shape, "int8"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        dy, y = inputs
        return (dy * ((y > self.low) & (y < self.high)),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> Mapping[str, int]:
        return {"size": inputs[0].size, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class ClampGrad(_Mask):
    """Gradient of a clamp, by its int8 result. Inputs: dy, y."""

    kernel: ClassVar[str] = "myna_clamp_grad_s8"

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(0)
        for i, (low, high) in enumerate([(-128, NO_HIGH), (-128, 127), (-3, 40), (NO_LOW, 5)]):
            dy, y = (rng.integers(-128, 128, (7, 5, 3)).astype(np.int8) for _ in range(2))
            yield Case(f"clamp_grad{i}", cls(low, high), (dy, y))


@dataclass(frozen=True)
class StreamClampGrad(_Mask):
    """Gradient of a clamp that leaves an int16 stream, by the stream. Inputs: dy, y int16."""

    kernel: ClassVar[str] = "myna_clamp_grad_s16"

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(22)
        for i, (low, high) in enumerate([(0, NO_HIGH16), (-77, 32767), (1000, 1002)]):
            dy = rng.integers(-128, 128, (7, 5, 3)).astype(np.int8)
            y = rng.integers(-32768, 32768, (7, 5, 3)).astype(np.int16)
            y.flat[:6] = low, low + 1, min(high, 32767), high - 1, -32768, 32767
            yield Case(f"stream_clamp_grad{i}", cls(low, high), (dy, y))


@dataclass(frozen=True)
class GradAdd(GradOp):
    """Sum of two gradients of different scales, requantized once with 8 guard bits.

    ``y = (scale32(256·a, factor_a·scale_a/scale_y) + scale32(256·b, …) + 128) >> 8``.
    Inputs: a, b, scale of a, scale of b, scale of y; outputs: y, peak.
    """

    kernel: ClassVar[str] = "myna_grad_add_s8"
    struct: ClassVar[str] = "grad_add"
    shares: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0), (1, 0))

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        expect(inputs[0].shape == inputs[1].shape, "differs in shape from what it adds", inputs[1])
        return ((inputs[0].shape, "int8"), SCALAR)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        a, b, scale_a, scale_b, out = inputs
        multiplier_a = ratio(self.factors[0], scale_a, out)
        multiplier_b = ratio(self.factors[1], scale_b, out)
        total = fixed.scale32(int64(a) << 8, *multiplier_a)
        total = total + fixed.scale32(int64(b) << 8, *multiplier_b)
        values = (fixed.saturate(total, -(2**31), 2**31 - 129) + 128) >> 8
        return fixed.saturate(values, -127, 127).astype(np.int8), peak(values)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> Mapping[str, int]:
        fields = pair_fields("factor_a", self.factors[0]) | pair_fields("factor_b", self.factors[1])
        return {"size": inputs[0].size} | fields

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(1)
        op = cls((fixed.pair_from_float(1.0), fixed.pair_from_float(0.008)))
        scales = [(1e-3, 1e-3, 2e-3), (1e-3, 0.5, 1e-3), (2.0, 3.0, 1e-9), (0.0, 1.0, 0.0)]
        for i, values in enumerate(scales):
            data = (rng.integers(-128, 128, (6, 9)).astype(np.int8) for _ in range(2))
            yield Case(f"grad_add{i}", op, (*data, *(pair_tensor(v) for v in values)))
        # halves to be rounded, alone and beside a factor of 2^15, by which nothing is lifted
        odd, none = np.arange(-127, 128, 2).astype(np.int8), np.zeros(128, np.int8)
        one = np.ones(128, np.int8)
        for name, a, b, pair_of_scales in (
            *(("halves", odd, none, (1e-3, 1e-3)), ("halves_beside", odd, none, (1e-3, 1e4))),
            *(("most", one, one, (4e6, 6e6)), ("least", -one, -one, (4e6, 6e6))),
            # lifted as far as can be, the one and the other
            *(("lifted_a", odd, one, (12.0, 1e-3)), ("lifted_b", one, odd, (1e-3, 1500.0))),
        ):
            units = (pair_tensor(value) for value in (*pair_of_scales, 2e-3))
            yield Case(f"grad_add_{name}", op, (a, b, *units))
