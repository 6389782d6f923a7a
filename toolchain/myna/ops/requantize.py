# SPDX-License-Identifier: Apache-2.0
"""Change of scale and width between int8 and int16, with a clamp that serves as ReLU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from myna import fixed
from myna.ir import Array, Node, Tensor
from myna.ops.base import Case, ClampOp, Op, Type, expect, int64
from myna.ops.tape import Tape


@dataclass(frozen=True)
class Requantize(ClampOp):
    """``y = clamp(requantize(x − x_zero) + y_zero, low, high)``. Input: x; output: y.

    Source: the QUANTIZE operator of TFLite-Micro.
    """

    from_type: str
    to_type: str
    mantissa: int
    shift: int
    x_zero: int
    y_zero: int
    low: int
    high: int
    struct: ClassVar[str] = "requantize"

    @property
    def kernel(self) -> str:  # type: ignore[override]
        """One kernel per pair of widths."""
        return f"myna_requantize_s{self.from_type[3:]}_s{self.to_type[3:]}"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        expect(inputs[0].dtype == self.from_type, f"is not {self.from_type}", inputs[0])
        return ((inputs[0].shape, self.to_type),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        scaled = fixed.requantize(int64(inputs[0]) - self.x_zero, self.mantissa, self.shift)
        return (fixed.saturate(scaled + self.y_zero, self.low, self.high).astype(self.to_type),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        names = ("mantissa", "shift", "x_zero", "y_zero", "low", "high")
        return {"size": inputs[0].size} | {name: getattr(self, name) for name in names}

    def backward(self, tape: Tape, node: Node) -> None:
        if self.to_type == "int8":
            gradient = tape.unclamped(
                node.outputs[0], self.low, self.high, self.y_zero, capped=self.capped
            )
        else:
            gradient = tape.gradient(node.outputs[0])
        tape.contribute(node.inputs[0], gradient)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(14)
        grid = [
            ("int16", "int8", 0.004, 0, -128, -128, 127),
            ("int16", "int8", 0.9, 0, 7, -100, 90),
            ("int8", "int16", 37.3, -128, 0, -32768, 32767),
            ("int8", "int16", 300.0, 5, 0, -32768, 32767),
            ("int8", "int8", 0.7, 3, -9, -128, 127),
        ]
        for i, (a, b, factor, x_zero, y_zero, low, high) in enumerate(grid):
            info = np.iinfo(a)
            x = rng.integers(info.min, info.max + 1, (11, 3, 5)).astype(a)
            x.flat[:2] = info.min, info.max
            op = cls(a, b, *fixed.requantize_multiplier(factor), x_zero, y_zero, low, high)
            yield Case(f"requantize{i}", op, (x,))


@dataclass(frozen=True)
class RequantizeBand(Op):
    """`Requantize` of rows that lie apart. Inputs: x int16 [n, ...], the rows behind it, int16
    [k, ...]; output: y int8 [n + k, ...]."""

    rows: Requantize
    kernel: ClassVar[str] = "myna_requantize_band_s16_s8"
    struct: ClassVar[str] = "requantize_band"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        x, behind = inputs
        expect(x.shape[1:] == behind.shape[1:], "differs in its rows from those behind", x)
        (_, dtype), _ = (self.rows.infer(part)[0] for part in inputs)
        return (((x.shape[0] + behind.shape[0], *x.shape[1:]), dtype),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        return self.rows.reference(np.concatenate(inputs))

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        rows = self.rows.params(inputs, outputs)
        return {f"rows.{key}": value for key, value in rows.items()} | {"behind": inputs[1].size}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(65)
        for i, (n, k, low) in enumerate([(1, 2, -128), (3, 1, -100), (1, 1, -128)]):
            op = Requantize(
                "int16", "int8", *fixed.requantize_multiplier(0.004), 0, 3 - i, low, 127
            )
            x = rng.integers(-(2**15), 2**15, (n + k, 3, 5)).astype(np.int16)
            yield Case(f"requantize_band{i}", cls(op), (x[:n], x[n:]))
