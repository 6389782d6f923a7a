# SPDX-License-Identifier: Apache-2.0
"""Sum of two int8 tensors of different scales, with a clamp that serves as ReLU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from myna import fixed
from myna.fixed import IntArray
from myna.ir import Array, Node, Quant, Tensor
from myna.ops.base import Case, ClampOp, Type, expect, int64
from myna.ops.tape import Tape

HEADROOM = 20  # bits by which operands are lifted before they are brought to one scale


@dataclass(frozen=True)
class Rescale:
    """A zero point, and the multiplier between the scale it belongs to and the common one."""

    zero: int
    mantissa: int
    shift: int

    @classmethod
    def of(cls, factor: float, zero: int) -> Rescale:
        """From a real factor below 1."""
        return cls(zero, *fixed.requantize_multiplier(factor))

    def apply(self, x: IntArray) -> IntArray:
        """``x`` times the factor, rounded twice."""
        return fixed.requantize(x, self.mantissa, self.shift)

    def fields(self, name: str) -> dict[str, int]:
        """The C fields."""
        return {f"{name}.{part}": getattr(self, part) for part in ("zero", "mantissa", "shift")}


@dataclass(frozen=True)
class Add(ClampOp):
    """``y = clamp(y.apply(A + B) + y_zero, low, high)``. Inputs: a, b int8 of one shape; output: y.

    A is ``a.apply((a − a_zero) · 2^20)``, B likewise. Source: the ADD operator of TFLite-Micro.
    """

    a: Rescale
    b: Rescale
    y: Rescale
    low: int
    high: int
    kernel: ClassVar[str] = "myna_add_s8"
    struct: ClassVar[str] = "add"
    shares: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0), (1, 0))

    @classmethod
    def of(cls, a: Quant, b: Quant, y: Quant, **clamp: Any) -> Add:
        """The op between tensors of these scales; operands are halved, so that sums fit."""
        common = 2 * max(a.scale[0], b.scale[0])
        side_a, side_b = (Rescale.of(q.scale[0] / common, q.zero_point) for q in (a, b))
        own = Rescale.of(common / (2**HEADROOM * y.scale[0]), y.zero_point)
        return cls(side_a, side_b, own, **clamp)

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        a, b = inputs
        expect(a.shape == b.shape, "differs in shape from what it is added to", b)
        return ((a.shape, "int8"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        sides = zip((self.a, self.b), inputs, strict=True)
        terms = [side.apply((int64(x) - side.zero) << HEADROOM) for side, x in sides]
        scaled = self.y.apply(terms[0] + terms[1]) + self.y.zero
        return (fixed.saturate(scaled, self.low, self.high).astype(np.int8),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        fields = {"size": inputs[0].size, "low": self.low, "high": self.high}
        return fields | self.a.fields("a") | self.b.fields("b") | self.y.fields("y")

    def backward(self, tape: Tape, node: Node) -> None:
        gradient = tape.unclamped(
            node.outputs[0], self.low, self.high, self.y.zero, capped=self.capped
        )
        for name in node.inputs:
            if tape.wants(name):
                tape.contribute(name, gradient)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(50)
        grid = [
            ((0.1, -128), (0.1, -128), (0.1, -128), -128, 127),
            ((0.031, 127), (0.7, -128), (0.5, 3), 3, 127),
            ((2.0, -5), (0.0004, 20), (0.9, -128), -128, 90),
            ((0.02, 0), (0.05, 9), (0.003, -1), -100, 100),
        ]
        for i, (*scales, low, high) in enumerate(grid):
            x, z, y = (Quant((scale,), zero) for scale, zero in scales)
            a, b = (rng.integers(-128, 128, (5, 4, 7)).astype(np.int8) for _ in range(2))
            a.flat[:4], b.flat[:4] = (-128, 127, -128, 127), (-128, 127, 127, -128)
            yield Case(f"add{i}", cls.of(x, z, y, low=low, high=high), (a, b))
