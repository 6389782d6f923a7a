# SPDX-License-Identifier: Apache-2.0
"""Maximum pooling and its gradients, which go to the first maximum of each window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from myna import fixed
from myna.fixed import IntArray
from myna.ir import Array, Node, Tensor
from myna.ops.base import SCALAR, Case, GradOp, Op, Type, expect, int64, pair_tensor
from myna.ops.pool import WINDOWS
from myna.ops.tape import Tape
from myna.ops.window import Window, map_fields

OUTSIDE = -129  # less than any int8


@dataclass(frozen=True)
class MaxPool(Op):
    """Maximum of what each window sees of the map. Input: x int8 [h, w, c]; output: y.

    Source: MAX_POOL_2D of TFLite-Micro.
    """

    window: Window
    kernel: ClassVar[str] = "myna_max_pool_s8"
    struct: ClassVar[str] = "max_pool"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        return ((self.window.pooled(inputs[0]), "int8"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        views = self.window.views(int64(inputs[0]), fill=OUTSIDE)
        return (views.max(axis=(2, 3)).astype(np.int8),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return map_fields(inputs[0].shape, outputs[0].shape) | self.window.fields()

    def backward(self, tape: Tape, node: Node) -> None:
        (x, y), gradient = (*node.inputs, *node.outputs), tape.gradient(node.outputs[0])
        if self.window.overlap == 1:
            tape.plain(x, MaxPoolGrad(self.window), gradient, data=(x, y))
        else:
            op = MaxPoolGradSum((fixed.pair_from_float(gradient.factor),), self.window)
            tape.quantized(x, op, (gradient.tensor, x, y), gradient)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        for i, (window, x) in enumerate(_examples(56)):
            yield Case(f"max_pool{i}", cls(window), (x,))


@dataclass(frozen=True)
class MaxPoolGrad(Op):
    """Where no two windows see one element: dy, or zero. Inputs: dy, x, y; output: dx."""

    window: Window
    kernel: ClassVar[str] = "myna_max_pool_s8_grad"
    struct: ClassVar[str] = "max_pool"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        _expect_maps(*inputs)
        return ((inputs[1].shape, "int8"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        return (routed(self.window, *inputs[:2]).astype(np.int8),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return map_fields(inputs[1].shape, inputs[2].shape) | self.window.fields()

    @classmethod
    def cases(cls) -> Iterator[Case]:
        for i, (dy, x, window) in enumerate(_gradients(57)):
            if window.overlap == 1:
                yield Case(f"max_pool_grad{i}", cls(window), (dy, x, *MaxPool(window).reference(x)))


@dataclass(frozen=True)
class MaxPoolGradSum(GradOp):
    """Where windows overlap: the sum of what they route to an element.

    Inputs: dy, x, y, the scale of dy, that of dx; outputs: dx, peak.
    """

    window: Window
    kernel: ClassVar[str] = "myna_max_pool_s8_grad_sum"
    struct: ClassVar[str] = "max_pool_grad_sum"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        _expect_maps(*inputs[:3])
        return ((inputs[1].shape, "int8"), SCALAR)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        dy, x, _, scale, out = inputs
        return self.requantized(routed(self.window, dy, x), scale, out)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        maps = map_fields(inputs[1].shape, inputs[2].shape)
        return maps | self.window.fields() | self.factor_params()

    @classmethod
    def cases(cls) -> Iterator[Case]:
        for i, (dy, x, window) in enumerate(_gradients(58)):
            data = (dy, x, *MaxPool(window).reference(x))
            scales = (pair_tensor(0.01), pair_tensor((0.003, 0.01, 0.05)[i % 3]))
            op = cls((fixed.pair_from_float(0.9),), window)
            yield Case(f"max_pool_grad_sum{i}", op, (*data, *scales))


def routed(window: Window, dy: Array, x: Array) -> IntArray:
    """Sums of dy over the windows whose first maximum, in row-major order, an element is."""
    views = window.views(int64(x), fill=OUTSIDE)
    flat = views.reshape(*views.shape[:2], -1, views.shape[4])
    first = np.arange(flat.shape[2])[:, None] == flat.argmax(axis=2)[:, :, None]
    return window.scatter((first * int64(dy)[:, :, None]).reshape(views.shape), x.shape)


def _expect_maps(dy: Tensor, x: Tensor, y: Tensor) -> None:
    expect(dy.size == y.size, "differs in size from its gradient", y)
    expect(len(x.shape) == 3, "is not a [h, w, c] map", x)


def _examples(seed: int) -> Iterator[tuple[Window, Array]]:
    """Maps with equal maxima, some of them the least value there is."""
    rng = np.random.default_rng(seed)
    for shape, window in WINDOWS:
        x = rng.integers(-128, 128, shape).astype(np.int8)
        x[..., 0] = rng.integers(-1, 2, shape[:2])
        x[: shape[0] // 2, :, 1] = -128
        yield window, x


def _gradients(seed: int) -> Iterator[tuple[Array, Array, Window]]:
    rng = np.random.default_rng(seed + 100)
    for window, x in _examples(seed):
        shape = (*window.output(*x.shape[:2]), x.shape[2])
        yield rng.integers(-127, 128, shape).astype(np.int8), x, window
