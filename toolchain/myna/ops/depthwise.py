# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolution (multiplier 1): forward, input gradient, weight gradient with update.

Layouts: maps [h, w, c], weights [kh, kw, c].
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

GRID = [  # in h, w, c; kernel; strides; padding
    ((25, 5, 16), (3, 3), (1, 1), "same"),
    ((6, 5, 3), (3, 3), (1, 1), "valid"),
    ((9, 8, 5), (3, 3), (2, 2), "same"),
    ((3, 2, 7), (3, 3), (1, 1), "same"),
    ((12, 1, 4), (5, 1), (2, 1), "same"),
    ((7, 6, 24), (3, 3), (2, 2), "same"),
    ((5, 4, 33), (2, 3), (1, 2), "valid"),
    ((2, 70, 4), (3, 3), (1, 1), "same"),  # beyond the bands of the DSP variant
    ((6, 7, 4), (6, 6), (1, 1), "same"),
    ((1, 1, 4), (3, 3), (1, 1), "same"),
    ((6, 5, 8), (3, 3), (1, 1), "valid"),
    ((7, 6, 4), (4, 2), (1, 1), "same"),  # padded more below than above
    ((40, 2, 4), (5, 5), (1, 1), "same"),  # bands that the plane limits, not the outputs
    ((5, 4, 23), (2, 3), (1, 2), "valid"),  # the last vector of lanes is not whole
]


@dataclass(frozen=True)
class DepthwiseConv2D(Layer):
    """Inputs: x int8, w int8, bias, mantissa, shift (int32 [c]). Output: y int8."""

    window: Window
    kernel: ClassVar[str] = "myna_depthwise_s8"
    struct: ClassVar[str] = "depthwise"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        x, w = inputs[:2]
        expect(len(x.shape) == 3, "is not a [h, w, c] map", x)
        expect(w.shape == (*self.window.kernel, x.shape[2]), "does not fit its input", w)
        return (((*self.window.output(*x.shape[:2]), x.shape[2]), "int8"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, w, *rest = inputs
        views = self.window.views(int64(x) - self.x_zero)
        return (self.finish(np.einsum("yxijc,ijc->yxc", views, int64(w)), *rest),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return map_fields(inputs[0].shape, outputs[0].shape) | self.window.fields() | self.fields()

    def backward(self, tape: Tape, node: Node) -> None:
        def grad_input(factors: tuple[fixed.Pair, ...]) -> DepthwiseGradInput:
            return DepthwiseGradInput(factors, self.window, tape.tensor(node.inputs[0]).shape)

        def update(tag: int) -> DepthwiseUpdate:
            return DepthwiseUpdate(self.window, self.x_zero, tag)

        train_layer(tape, node, self, grad_input, update)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(6)
        for i, (shape, kernel, strides, padding) in enumerate(GRID):
            op = cls.example(i, window=Window.of(shape[:2], kernel, strides, padding))
            x = rng.integers(-128, 128, shape).astype(np.int8)
            w = rng.integers(-127, 128, (*kernel, shape[2])).astype(np.int8)
            rest = cls.example_rest(rng, shape[2], kernel[0] * kernel[1])
            yield Case(f"depthwise{i}", op, (x, w, *rest))


@dataclass(frozen=True)
class DepthwiseGradInput(GradOp):
    """Inputs: dy int8, w int8, channel int16 [c], scale, out scale. Outputs: dx int8, peak."""

    window: Window
    x_shape: tuple[int, ...]
    kernel: ClassVar[str] = "myna_depthwise_s8_grad_input"
    struct: ClassVar[str] = "depthwise_grad_input"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        return ((self.x_shape, "int8"), SCALAR)

    def accumulate(self, dy: Array, w: Array, channel: Array) -> fixed.IntArray:
        """The exact int32 accumulator: the adjoint of the forward accumulation."""
        views = np.einsum("yxc,ijc->yxijc", int64(dy), int64(w) * channel)
        return self.window.scatter(views, self.x_shape)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        dy, w, channel, scale, out = inputs
        return self.requantized(self.accumulate(dy, w, channel), scale, out)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        maps = map_fields(self.x_shape, inputs[0].shape)
        return maps | self.window.fields() | self.factor_params()

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(7)
        for i, (shape, kernel, strides, padding) in enumerate(GRID):
            window = Window.of(shape[:2], kernel, strides, padding)
            op = cls((fixed.pair_from_float(1e-3),), window, shape)
            dy = rng.integers(-127, 128, (*window.output(*shape[:2]), shape[2])).astype(np.int8)
            w = rng.integers(-127, 128, (*kernel, shape[2])).astype(np.int8)
            channel = rng.integers(8, 257, shape[2]).astype(np.int16)
            scales = (pair_tensor(1e-3), pair_tensor(0.05 / 4.0 ** (i % 5)))
            case = Case(f"depthwise_grad_input{i}", op, (dy, w, channel, *scales))
            yield from op.variants(case)


@dataclass(frozen=True)
class DepthwiseUpdate(Op):
    """Inputs: x int8, dy int8, scale, steps, rate, seed, step, w, residual (both updated)."""

    window: Window
    x_zero: int
    tag: int
    kernel: ClassVar[str] = "myna_depthwise_s8_update"
    struct: ClassVar[str] = "depthwise_update"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        return ((inputs[-2].shape, "int8"), (inputs[-1].shape, "int8"))

    def accumulate(self, x: Array, dy: Array) -> fixed.IntArray:
        """The exact int32 weight gradient [kh, kw, c]."""
        views = self.window.views(int64(x) - self.x_zero)
        return np.asarray(np.einsum("yxijc,yxc->ijc", views, int64(dy)))

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, dy, *shared, w, residual = inputs
        deltas = UpdateInputs(*shared).deltas(self.accumulate(x, dy), self.tag, axis=2)
        return update_weight(w, residual, deltas)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        maps = map_fields(inputs[0].shape, inputs[1].shape)
        return maps | self.window.fields() | {"x_zero": self.x_zero, "tag": self.tag}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(8)
        for i, (shape, kernel, strides, padding) in enumerate(GRID):
            window = Window.of(shape[:2], kernel, strides, padding)
            x = rng.integers(-128, 128, shape).astype(np.int8)
            dy = rng.integers(-127, 128, (*window.output(*shape[:2]), shape[2])).astype(np.int8)
            w, residual = (
                rng.integers(low, 128, (*kernel, shape[2])).astype(np.int8) for low in (-127, -128)
            )
            op = cls(window, 3 - i, i)
            size = telling_size(op.accumulate(x, dy), i)
            inputs = (x, dy, *shared_inputs(rng, shape[2], size), w, residual)
            yield Case(f"depthwise_update{i}", op, inputs, updates=(7, 8))
