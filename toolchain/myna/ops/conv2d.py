# SPDX-License-Identifier: Apache-2.0
"""Convolution: forward, input gradient, weight gradient fused with the update.

Layouts: maps [h, w, c], weights [cout, kh, kw, cin] (TensorFlow Lite's OHWI).
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
from myna.ops.window import Window, map_fields

GRID = [  # in h, w, c; out c; kernel; strides; padding
    ((5, 4, 3), 4, (1, 1), (1, 1), "valid"),
    ((25, 5, 16), 24, (1, 1), (1, 1), "same"),
    ((9, 7, 1), 5, (4, 3), (2, 2), "same"),
    ((8, 6, 2), 3, (3, 3), (2, 1), "valid"),
    ((49, 10, 1), 8, (10, 4), (2, 2), "same"),
    ((1, 12, 5), 6, (1, 5), (1, 2), "same"),
    ((13, 11, 17), 67, (1, 1), (1, 1), "valid"),  # beyond the blocks of the vector kernels
    ((5, 4, 60), 3, (3, 3), (1, 1), "same"),
    ((2, 70, 2), 3, (2, 9), (1, 2), "same"),
    ((1, 2, 3), 520, (1, 2), (1, 1), "same"),
    ((1, 1, 2), 3, (5, 7), (1, 1), "same"),
    ((1, 2, 2), 520, (1, 1), (1, 1), "valid"),
    ((7, 19, 4), 5, (3, 3), (1, 1), "same"),  # the last columns are shorter, and no whole vectors
]


@dataclass(frozen=True)
class Conv2D(Layer):
    """Inputs: x int8, w int8, bias, mantissa, shift (int32 [cout]). Output: y int8."""

    window: Window
    kernel: ClassVar[str] = "myna_conv2d_s8"
    struct: ClassVar[str] = "conv2d"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        x, w = inputs[:2]
        expect(len(x.shape) == 3, "is not a [h, w, c] map", x)
        expect(w.shape[1:] == (*self.window.kernel, x.shape[2]), "does not fit its input", w)
        return (((*self.window.output(*x.shape[:2]), w.shape[0]), "int8"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, w, *rest = inputs
        columns = self.window.columns(int64(x) - self.x_zero)
        acc = fixed.matmul_exact(columns, int64(w).reshape(w.shape[0], -1).T)
        out = self.window.output(*x.shape[:2])
        return (self.finish(acc, *rest).reshape(*out, w.shape[0]),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return map_fields(inputs[0].shape, outputs[0].shape) | self.window.fields() | self.fields()

    def backward(self, tape: Tape, node: Node) -> None:
        def grad_input(factors: tuple[fixed.Pair, ...]) -> Conv2DGradInput:
            return Conv2DGradInput(factors, self.window, tape.tensor(node.inputs[0]).shape)

        def update(tag: int) -> Conv2DUpdate:
            return Conv2DUpdate(self.window, self.x_zero, tag)

        train_layer(tape, node, self, grad_input, update)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(3)
        for i, (shape, cout, kernel, strides, padding) in enumerate(GRID):
            window = Window.of(shape[:2], kernel, strides, padding)
            op = cls.example(i, window=window)
            x = rng.integers(-128, 128, shape).astype(np.int8)
            w = rng.integers(-127, 128, (cout, *kernel, shape[2])).astype(np.int8)
            yield Case(f"conv2d{i}", op, (x, w, *cls.example_rest(rng, cout, w.size // cout)))


@dataclass(frozen=True)
class Conv2DGradInput(GradOp):
    """Inputs: dy int8, w int8, channel int16 [cout], scale, out scale. Outputs: dx int8, peak.

    ``channel`` holds the per-channel weight scales as small integers, folded into dy first.
    """

    window: Window
    x_shape: tuple[int, ...]
    kernel: ClassVar[str] = "myna_conv2d_s8_grad_input"
    struct: ClassVar[str] = "conv2d_grad_input"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        return ((self.x_shape, "int8"), SCALAR)

    def accumulate(self, dy: Array, w: Array, channel: Array) -> fixed.IntArray:
        """The exact int32 accumulator: the adjoint of the forward accumulation."""
        scaled = (int64(dy) * int64(channel)).reshape(-1, w.shape[0])
        columns = fixed.matmul_exact(scaled, int64(w).reshape(w.shape[0], -1))
        return self.window.scatter(columns.reshape(*dy.shape[:2], *w.shape[1:]), self.x_shape)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        dy, w, channel, scale, out = inputs
        return self.requantized(self.accumulate(dy, w, channel), scale, out)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        maps = map_fields(self.x_shape, inputs[0].shape)
        return maps | self.window.fields() | self.factor_params()

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(4)
        for i, (shape, cout, kernel, strides, padding) in enumerate(GRID):
            window = Window.of(shape[:2], kernel, strides, padding)
            op = cls((fixed.pair_from_float(1e-4),), window, shape)
            dy = rng.integers(-127, 128, (*window.output(*shape[:2]), cout)).astype(np.int8)
            w = rng.integers(-127, 128, (cout, *kernel, shape[2])).astype(np.int8)
            channel = rng.integers(8, 257, cout).astype(np.int16)
            scales = (pair_tensor(1e-3), pair_tensor(0.02 / 4.0 ** (i % 6)))
            case = Case(f"conv2d_grad_input{i}", op, (dy, w, channel, *scales))
            yield from op.variants(case)


@dataclass(frozen=True)
class Conv2DUpdate(Op):
    """Inputs: x int8, dy int8, scale, steps, rate, seed, step, w, residual (both updated)."""

    window: Window
    x_zero: int
    tag: int
    kernel: ClassVar[str] = "myna_conv2d_s8_update"
    struct: ClassVar[str] = "conv2d_update"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        return ((inputs[-2].shape, "int8"), (inputs[-1].shape, "int8"))

    def accumulate(self, x: Array, dy: Array) -> fixed.IntArray:
        """The exact int32 weight gradient [cout, kh, kw, cin]."""
        columns = self.window.columns(int64(x) - self.x_zero)
        acc = fixed.matmul_exact(int64(dy).reshape(-1, dy.shape[2]).T, columns)
        return acc.reshape(dy.shape[2], *self.window.kernel, x.shape[2])

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, dy, *shared, w, residual = inputs
        deltas = UpdateInputs(*shared).deltas(self.accumulate(x, dy), self.tag)
        return update_weight(w, residual, deltas)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        maps = map_fields(inputs[0].shape, inputs[1].shape)
        return maps | self.window.fields() | {"x_zero": self.x_zero, "tag": self.tag}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(5)
        for i, (shape, cout, kernel, strides, padding) in enumerate(GRID):
            window = Window.of(shape[:2], kernel, strides, padding)
            x = rng.integers(-128, 128, shape).astype(np.int8)
            dy = rng.integers(-127, 128, (*window.output(*shape[:2]), cout)).astype(np.int8)
            planes = (
                rng.integers(-127, 128, (cout, *kernel, shape[2])).astype(np.int8),
                rng.integers(-128, 128, (cout, *kernel, shape[2])).astype(np.int8),
            )
            op = cls(window, -128 + i, i)
            size = telling_size(op.accumulate(x, dy), i)
            inputs = (x, dy, *shared_inputs(rng, cout, size), *planes)
            yield Case(f"conv2d_update{i}", op, inputs, updates=(7, 8))
