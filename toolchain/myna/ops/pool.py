# SPDX-License-Identifier: Apache-2.0
"""Average pooling and its gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from myna import fixed
from myna.errors import MynaError
from myna.fixed import IntArray
from myna.ir import Array, Node, Tensor
from myna.ops.base import SCALAR, Case, GradOp, Op, Type, expect, int64, pair_tensor
from myna.ops.tape import Tape
from myna.ops.window import Window, map_fields

TILES = [((25, 5, 8), (25, 5)), ((6, 4, 3), (2, 2)), ((1, 9, 2), (1, 3))]  # map, window
WINDOWS = [
    ((7, 5, 3), Window.of((7, 5), (3, 3), (2, 2), "same")),
    ((6, 6, 5), Window.of((6, 6), (3, 2), (1, 3), "valid")),
    ((5, 7, 4), Window.of((5, 7), (2, 2), (2, 2), "same")),
    ((9, 8, 2), Window.of((9, 8), (2, 3), (3, 4), "valid")),
]


@dataclass(frozen=True)
class AveragePool(Op):
    """Mean of what each window sees of the map, rounded half away from zero.

    Input: x int8 [h, w, c]; output: y. Source: the int8 reference kernel of TFLite-Micro's
    AVERAGE_POOL_2D.
    """

    window: Window

    @property
    def kernel(self) -> str:  # type: ignore[override]
        """One kernel for tiles, one for all others."""
        return "myna_average_pool_s8" if self.window.tiles else "myna_average_pool_s8_windows"

    @property
    def struct(self) -> str:  # type: ignore[override]
        """The tiles' parameters need no padding and no strides."""
        return "average_pool" if self.window.tiles else "window_pool"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        return ((self.window.pooled(inputs[0]), "int8"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        total = self.window.views(int64(inputs[0])).sum(axis=(2, 3))
        return (fixed.divide(total, self.window.seen(inputs[0].shape)).astype(np.int8),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        maps = map_fields(inputs[0].shape, outputs[0].shape)
        return maps | (_tile(self.window.kernel) if self.window.tiles else self.window.fields())

    def backward(self, tape: Tape, node: Node) -> None:
        x, gradient = node.inputs[0], tape.gradient(node.outputs[0])
        shape, pool = tape.tensor(x).shape, self.window.kernel
        if self.window.tiles and not (shape[0] % pool[0] or shape[1] % pool[1]):
            tape.plain(x, AveragePoolGrad(pool, shape), gradient, 1 / (pool[0] * pool[1]))
        else:
            op = AveragePoolGradSum.of(gradient.factor, self.window, shape)
            tape.quantized(x, op, (gradient.tensor,), gradient)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(12)
        windows = [(shape, Window(pool, pool)) for shape, pool in TILES] + WINDOWS
        for i, (shape, window) in enumerate(windows):
            x = rng.integers(-128, 128, shape).astype(np.int8)
            yield Case(f"average_pool{i}", cls(window), (x,))


@dataclass(frozen=True)
class AveragePoolGrad(Op):
    """Copies dy to every element of its window; the divisor goes into the scale. Input: dy."""

    pool: tuple[int, int]
    x_shape: tuple[int, ...]
    kernel: ClassVar[str] = "myna_average_pool_s8_grad"
    struct: ClassVar[str] = "average_pool"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        return ((self.x_shape, "int8"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        dy = inputs[0].reshape(self._dy_shape())
        return (dy.repeat(self.pool[0], axis=0).repeat(self.pool[1], axis=1),)

    def _dy_shape(self) -> tuple[int, int, int]:
        """As a map; that of a mean over all of x has one position."""
        h, w, c = self.x_shape
        return (h // self.pool[0], w // self.pool[1], c)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return map_fields(self.x_shape, self._dy_shape()) | _tile(self.pool)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(13)
        for i, ((h, w, c), pool) in enumerate(TILES):
            dy = rng.integers(-128, 128, (h // pool[0], w // pool[1], c)).astype(np.int8)
            yield Case(f"average_pool_grad{i}", cls(pool, (h, w, c)), (dy,))


@dataclass(frozen=True)
class AveragePoolGradSum(GradOp):
    """Where windows overlap or see padding: ``dx = Σ dy · share`` over the windows that see x.

    ``share = (unit + count // 2) // count`` with the number of elements that the window sees.
    Inputs: dy, its scale, the scale of dx; outputs: dx, peak.
    """

    window: Window
    x_shape: tuple[int, ...]
    unit: int
    kernel: ClassVar[str] = "myna_average_pool_s8_grad_sum"
    struct: ClassVar[str] = "average_pool_grad_sum"

    @classmethod
    def of(cls, factor: float, window: Window, shape: tuple[int, ...]) -> AveragePoolGradSum:
        """The op with the largest unit for which no sum can overflow."""
        unit = fixed.INT32_MAX // (128 * window.overlap)
        if unit < window.kernel[0] * window.kernel[1]:
            raise MynaError(
                f"the gradient of a pool of {window.kernel} cannot be proven to fit int32"
            )
        return cls((fixed.pair_from_float(factor / unit),), window, shape, unit)

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        expect(inputs[0].size == self._seen().size * self.x_shape[2], "is no such map", inputs[0])
        return ((self.x_shape, "int8"), SCALAR)

    def _seen(self) -> IntArray:
        return self.window.seen(self.x_shape)

    def accumulate(self, dy: Array) -> IntArray:
        """The adjoint of the sums that the forward op divides."""
        seen = self._seen()
        parts = int64(dy) * ((self.unit + seen // 2) // seen)
        views = np.broadcast_to(
            parts[:, :, None, None], (*dy.shape[:2], *self.window.kernel, dy.shape[2])
        )
        return self.window.scatter(views, self.x_shape)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        dy, scale, out = inputs
        return self.requantized(self.accumulate(dy), scale, out)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        maps = map_fields(self.x_shape, inputs[0].shape)
        return maps | self.window.fields() | self.factor_params() | {"unit": self.unit}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(55)
        for i, (shape, window) in enumerate(WINDOWS):
            dy = rng.integers(-127, 128, (*window.output(*shape[:2]), shape[2])).astype(np.int8)
            scales = (pair_tensor(0.01), pair_tensor((0.004, 0.0008)[i % 2]))
            yield Case(f"average_pool_grad_sum{i}", cls.of(0.7, window, shape), (dy, *scales))


def _tile(pool: tuple[int, int]) -> dict[str, int]:
    return {"pool_h": pool[0], "pool_w": pool[1]}
