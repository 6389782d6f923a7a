# SPDX-License-Identifier: Apache-2.0
"""Additive coupling on an int16 stream and its exact inverse.

The addition wraps modulo 2^16, so the inverse is exact for every input (NICE, Dinh et al. 2014;
RevNet, Gomez et al. 2017). The int8 branch is brought to the scale of the stream on the fly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from myna import fixed
from myna.fixed import IntArray
from myna.ir import Array, Node, Tensor
from myna.ops.base import SCALAR, Case, Op, Type, expect, int64
from myna.ops.tape import Tape


@dataclass(frozen=True)
class _Coupling(Op):
    """Scale and zero point of the branch."""

    mantissa: int
    shift: int
    branch_zero: int

    def widen(self, branch: Array) -> IntArray:
        """The branch at the scale of the stream, saturated to int16."""
        scaled = fixed.requantize(int64(branch) - self.branch_zero, self.mantissa, self.shift)
        return fixed.saturate(scaled, -32768, 32767)

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        expect(inputs[0].dtype == "int16", "is not an int16 stream", inputs[0])
        expect(inputs[1].shape == inputs[0].shape, "differs in shape from the stream", inputs[1])
        return ((inputs[0].shape, "int16"), SCALAR)[: len(inputs) - 1]

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        names = ("mantissa", "shift", "branch_zero")
        return {"size": inputs[0].size} | {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Couple(_Coupling):
    """``y = wrap16(x + widen(branch))``. Inputs: x int16, branch int8, wraps int32[1] (updated).

    ``wraps`` counts the sums that left int16: the real sum is then lost to the layers behind, not
    to the inverse.
    """

    kernel: ClassVar[str] = "myna_couple_s16"
    struct: ClassVar[str] = "coupling"
    shares: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, branch, wraps = inputs
        total = int64(x) + self.widen(branch)
        y = total.astype(np.int16)  # NumPy wraps
        return y, (wraps + np.count_nonzero(y != total)).astype(np.int32)

    def inverse(self) -> Uncouple:
        """The op that undoes this one."""
        return Uncouple(self.mantissa, self.shift, self.branch_zero)

    def backward(self, tape: Tape, node: Node) -> None:
        gradient = tape.gradient(node.outputs[0])
        for name in node.inputs[:2]:
            if tape.wants(name):
                tape.contribute(name, gradient)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        for i, (op, x, branch) in enumerate(_examples()):
            couple = cls(*op)
            yield Case(f"couple{i}", couple, (x, branch, np.array([i], np.int32)), updates=(2,))


@dataclass(frozen=True)
class Uncouple(_Coupling):
    """``x = wrap16(y − widen(branch))``. Inputs: y int16, branch int8. Output: x int16."""

    kernel: ClassVar[str] = "myna_uncouple_s16"
    struct: ClassVar[str] = "coupling"
    shares: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        y, branch = inputs
        return ((int64(y) - self.widen(branch)).astype(np.int16),)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        for i, (op, y, branch) in enumerate(_examples()):
            yield Case(f"uncouple{i}", cls(*op), (y, branch))


def _examples() -> Iterator[tuple[tuple[int, int, int], Array, Array]]:
    rng = np.random.default_rng(15)
    shapes = [(5, 4, 7)] * 4 + [(3, 5, 3)]  # the last is of an odd size
    scales = [(1.0, 0), (23.7, -128), (250.0, 127), (0.3, -5), (40.0, 3)]
    for shape, (factor, zero) in zip(shapes, scales, strict=True):
        stream = rng.integers(-32768, 32768, shape).astype(np.int16)
        branch = rng.integers(-128, 128, shape).astype(np.int8)
        stream.flat[:4] = -32768, 32767, -32768, 32767
        branch.flat[:4] = -128, 127, 127, -128
        yield (*fixed.requantize_multiplier(factor), zero), stream, branch
