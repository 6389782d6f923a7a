# SPDX-License-Identifier: Apache-2.0
"""Fully connected layer: forward, input gradient, weight gradient with update.

Layouts: x any shape, read flat; weights [units, inputs].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from myna import fixed
from myna.ir import Array, Node, Tensor
from myna.ops.base import SCALAR, Case, GradOp, Op, Type, expect, int64, pair_tensor
from myna.ops.layer import Layer, train_layer
from myna.ops.sgd import UpdateInputs, shared_inputs, telling_size, update_weight
from myna.ops.tape import Tape

GRID = [(1, 1), (64, 12), (7, 33), (96, 20)]  # inputs, units


def _fields(inputs: int, units: int) -> dict[str, int]:
    return {"inputs": inputs, "units": units}


@dataclass(frozen=True)
class Dense(Layer):
    """Inputs: x int8, w int8, bias, mantissa, shift (int32 [units]). Output: y int8 [units]."""

    kernel: ClassVar[str] = "myna_dense_s8"
    struct: ClassVar[str] = "dense"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        x, w = inputs[:2]
        expect(w.shape[1:] == (x.size,), f"does not fit {x.size} inputs", w)
        return ((w.shape[:1], "int8"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, w, *rest = inputs
        acc = fixed.matmul_exact(int64(w), int64(x).reshape(-1) - self.x_zero)
        return (self.finish(acc, *rest),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return _fields(inputs[0].size, outputs[0].size) | self.fields()

    def backward(self, tape: Tape, node: Node) -> None:
        def grad_input(factors: tuple[fixed.Pair, ...]) -> DenseGradInput:
            return DenseGradInput(factors, tape.tensor(node.inputs[0]).shape)

        def update(tag: int) -> DenseUpdate:
            return DenseUpdate(self.x_zero, tag)

        train_layer(tape, node, self, grad_input, update)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(9)
        for i, (inputs, units) in enumerate(GRID):
            x = rng.integers(-128, 128, inputs).astype(np.int8)
            w = rng.integers(-127, 128, (units, inputs)).astype(np.int8)
            yield Case(f"dense{i}", cls.example(i), (x, w, *cls.example_rest(rng, units, inputs)))


@dataclass(frozen=True)
class DenseGradInput(GradOp):
    """Inputs: dy int8, w int8, channel int16 [units], scale, out scale. Outputs: dx, peak."""

    x_shape: tuple[int, ...]
    kernel: ClassVar[str] = "myna_dense_s8_grad_input"
    struct: ClassVar[str] = "dense_grad_input"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        return ((self.x_shape, "int8"), SCALAR)

    def accumulate(self, dy: Array, w: Array, channel: Array) -> fixed.IntArray:
        """The exact int32 accumulator: the adjoint of the forward accumulation."""
        return fixed.matmul_exact(int64(dy) * int64(channel), int64(w)).reshape(self.x_shape)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        dy, w, channel, scale, out = inputs
        return self.requantized(self.accumulate(dy, w, channel), scale, out)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return _fields(outputs[0].size, inputs[0].size) | self.factor_params()

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(10)
        for i, (inputs, units) in enumerate(GRID):
            op = cls((fixed.pair_from_float(1e-3),), (inputs,))
            dy = rng.integers(-127, 128, units).astype(np.int8)
            w = rng.integers(-127, 128, (units, inputs)).astype(np.int8)
            channel = rng.integers(8, 257, units).astype(np.int16)
            scales = (pair_tensor(1e-3), pair_tensor(0.05 / 4.0**i))
            case = Case(f"dense_grad_input{i}", op, (dy, w, channel, *scales))
            yield from op.variants(case)


@dataclass(frozen=True)
class DenseUpdate(Op):
    """Inputs: x int8, dy int8, scale, steps, rate, seed, step, w, residual (both updated)."""

    x_zero: int
    tag: int
    kernel: ClassVar[str] = "myna_dense_s8_update"
    struct: ClassVar[str] = "dense_update"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        return ((inputs[-2].shape, "int8"), (inputs[-1].shape, "int8"))

    def accumulate(self, x: Array, dy: Array) -> fixed.IntArray:
        """The exact int32 weight gradient [units, inputs]."""
        return np.outer(int64(dy), int64(x).reshape(-1) - self.x_zero)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, dy, *shared, w, residual = inputs
        deltas = UpdateInputs(*shared).deltas(self.accumulate(x, dy), self.tag)
        return update_weight(w, residual, deltas)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        fields = _fields(inputs[0].size, inputs[1].size)
        return fields | {"x_zero": self.x_zero, "tag": self.tag}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(11)
        for i, (inputs, units) in enumerate(GRID):
            x = rng.integers(-128, 128, inputs).astype(np.int8)
            dy = rng.integers(-127, 128, units).astype(np.int8)
            op = cls(-128 + i, i)
            shared = shared_inputs(rng, units, telling_size(op.accumulate(x, dy), i))
            w, residual = (
                rng.integers(low, 128, (units, inputs)).astype(np.int8) for low in (-127, -128)
            )
            case = (x, dy, *shared, w, residual)
            yield Case(f"dense_update{i}", op, case, updates=(7, 8))
