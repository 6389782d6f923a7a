# SPDX-License-Identifier: Apache-2.0
"""Mean over height and width, to a scale of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from myna import fixed
from myna.fixed import IntArray
from myna.ir import Array, Node, Quant, Tensor
from myna.ops.base import Case, Op, Type, expect, int64
from myna.ops.pool import AveragePoolGrad
from myna.ops.tape import Tape


@dataclass(frozen=True)
class Mean(Op):
    """``y = saturate(requantize(Σ (x − x_zero)) + y_zero)``. Input: x int8 [h, w, c]; output [c].

    The number of positions is part of the multiplier. Source: the MEAN operator of TFLite-Micro.
    """

    mantissa: int
    shift: int
    x_zero: int
    y_zero: int
    kernel: ClassVar[str] = "myna_mean_s8"
    struct: ClassVar[str] = "mean"

    @classmethod
    def of(cls, x: Quant, y: Quant, positions: int) -> Mean:
        """The op between tensors of these scales; the mantissa is divided, not made anew."""
        mantissa, shift = fixed.requantize_multiplier(x.scale[0] / y.scale[0])
        lift = min(positions.bit_length() - 1, 32, 31 + shift)
        divided = (mantissa << lift) // positions
        return cls(divided, shift - lift, x.zero_point, y.zero_point)

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        expect(len(inputs[0].shape) == 3, "is not a [h, w, c] map", inputs[0])
        return (((inputs[0].shape[2],), "int8"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        total = (int64(inputs[0]) - self.x_zero).sum(axis=(0, 1))
        return (self.finish(total).astype(np.int8),)

    def finish(self, total: IntArray) -> IntArray:
        """The means of which the sums, less the zero point, are given."""
        scaled = fixed.requantize(total, self.mantissa, self.shift) + self.y_zero
        return fixed.saturate(scaled, -128, 127)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        h, w, c = inputs[0].shape
        names = ("mantissa", "shift", "x_zero", "y_zero")
        return {"positions": h * w, "channels": c} | {n: getattr(self, n) for n in names}

    def backward(self, tape: Tape, node: Node) -> None:
        x, gradient = node.inputs[0], tape.gradient(node.outputs[0])
        shape = tape.tensor(x).shape
        op = AveragePoolGrad((shape[0], shape[1]), shape)
        tape.plain(x, op, gradient, 1 / (shape[0] * shape[1]))

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(51)
        grid = [
            ((25, 5, 8), (0.1, -128), (0.1, -128)),
            ((7, 7, 3), (0.05, 17), (0.031, -9)),
            ((1, 3, 6), (0.5, 0), (0.01, 127)),
            ((1, 1, 5), (0.02, -1), (0.9, 4)),
        ]
        for i, (shape, *scales) in enumerate(grid):
            x_quant, y_quant = (Quant((scale,), zero) for scale, zero in scales)
            x = rng.integers(-128, 128, shape).astype(np.int8)
            x[..., 0], x[..., 1] = -128, 127
            yield Case(f"mean{i}", cls.of(x_quant, y_quant, shape[0] * shape[1]), (x,))
