# SPDX-License-Identifier: Apache-2.0
"""Mean squared error between what a network makes of its input and that input itself.

Both are brought to one unit, 1/65536 of the larger scale, in which errors are exact integers. The
gradient ``2·error/n`` is known in full before it is quantized, so its scale is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from myna import fixed
from myna.errors import MynaError
from myna.fixed import Pair
from myna.ir import Array, Quant, Tensor
from myna.ops.base import PAIR, SCALAR, Case, Op, Type, expect, int64, pair_fields, pair_tensor
from myna.ops.ranges import INV127

ONE_Q16 = 1 << 16
MAX_OUTPUTS = 1024  # so many squares of at most 2^50 stay below 2^63
MEAN_SHIFT = 19  # brings a mean square below 2^31


@dataclass(frozen=True)
class SquaredError(Op):
    """Loss of a reconstruction y of x; both hold the same number of values.

    Inputs: y int8 [n], x int8 (any shape of n values).
    Outputs: dy int8 [n], its scale (pair), loss int32[1] (Q16, in the square of x's real unit).

    Attributes:
        y_zero, x_zero: zero points.
        y_step, x_step: scales, in units of an error.
        factor: of the gradient, per unit of an error.
        loss_mantissa, loss_shift: from a mean square, shifted, to the loss.
    """

    y_zero: int
    x_zero: int
    y_step: int
    x_step: int
    factor: Pair
    loss_mantissa: int
    loss_shift: int
    kernel: ClassVar[str] = "myna_squared_error_s8"
    struct: ClassVar[str] = "squared_error"

    @classmethod
    def of(cls, y: Tensor, x: Tensor) -> SquaredError:
        """The op for two quantized tensors."""
        unit = max(y.scale, x.scale) / ONE_Q16
        steps = (round(y.scale / unit), round(x.scale / unit))
        loss = fixed.pair_from_float(unit**2 * 2**MEAN_SHIFT * ONE_Q16)
        factor = fixed.pair_from_float(2 * unit / y.size)
        return cls(y.zero_point, x.zero_point, *steps, factor, *fixed.pair_multiplier(loss))

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        y, x = inputs
        expect(y.dtype == x.dtype == "int8", "a reconstruction and its input must be int8", y)
        expect(y.size == x.size, f"{x.size} inputs cannot be reconstructed in {y.size} outputs", y)
        if y.size > MAX_OUTPUTS:
            raise MynaError(
                f"{y.size} outputs are more than {MAX_OUTPUTS}",
                where=f"tensor {y.name}",
                fix="train a network that reconstructs less, such as a part or a summary",
            )
        return ((y.shape, "int8"), PAIR, SCALAR)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        y, x = (int64(array).reshape(-1) for array in inputs)
        error = self.y_step * (y - self.y_zero) - self.x_step * (x - self.x_zero)
        mean = int((error**2).sum()) // error.size >> MEAN_SHIFT
        loss = fixed.scale32(np.array([mean]), self.loss_mantissa, self.loss_shift)
        top, gradient, scale = int(np.abs(error).max()), np.zeros(inputs[0].shape, np.int8), (0, 0)
        if top:
            peak = fixed.pair_from_int(top)
            to_127 = fixed.pair_multiplier(fixed.pair_div(fixed.pair_from_int(127), peak))
            gradient = fixed.scale32(error, *to_127).astype(np.int8).reshape(inputs[0].shape)
            scale = fixed.pair_mul(fixed.pair_mul(peak, INV127), self.factor)
        return gradient, pair_tensor(scale), loss.astype(np.int32)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return {
            "size": inputs[0].size,
            "y_zero": self.y_zero,
            "x_zero": self.x_zero,
            "y_step": self.y_step,
            "x_step": self.x_step,
            **pair_fields("factor", self.factor),
            "to_loss.mantissa": self.loss_mantissa,
            "to_loss.shift": self.loss_shift,
        }

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(23)
        for i, (shape, y_scale, x_scale) in enumerate(
            [((9,), 0.1, 0.1), ((4, 5, 3), 0.02, 0.5), ((1024,), 3.0, 1e-3), ((1,), 1e-6, 1e-6)]
        ):
            y = rng.integers(-128, 128, int(np.prod(shape))).astype(np.int8)
            x = rng.integers(-128, 128, shape).astype(np.int8)
            quants = (Quant((y_scale,), -128 + i), Quant((x_scale,), 127 - i))
            yield _case(f"squared_error{i}", (y, x), quants)
        extremes = np.full(1024, 127, np.int8), np.full((32, 32), -128, np.int8)
        yield _case("squared_error_largest", extremes, (Quant((1.0,), -128), Quant((1.0,), 127)))
        same = np.arange(-8, 8, dtype=np.int8)
        equal = (same, same.reshape(4, 4))
        yield _case("squared_error_none", equal, (Quant((0.5,), 3), Quant((0.5,), 3)))


def _case(name: str, arrays: tuple[Array, Array], quants: tuple[Quant, Quant]) -> Case:
    y, x = (
        Tensor("", array.shape, "int8", quant=quant)
        for array, quant in zip(arrays, quants, strict=True)
    )
    return Case(name, SquaredError.of(y, x), arrays)
