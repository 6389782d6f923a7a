# SPDX-License-Identifier: Apache-2.0
"""Average pooling and its gradient, for windows that tile the map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from myna.ir import Array, Node, Tensor
from myna.ops.base import Case, Op, Type, expect, int64
from myna.ops.window import Window, map_fields

if TYPE_CHECKING:
    from myna.passes.tape import Tape

GRID = [((25, 5, 8), (25, 5)), ((6, 4, 3), (2, 2)), ((1, 9, 2), (1, 3))]  # map, window


def _window(pool: tuple[int, int]) -> Window:
    return Window(pool, pool)


@dataclass(frozen=True)
class AveragePool(Op):
    """Mean of each window, rounded half away from zero. Input: x int8 [h, w, c]; output: y.

    Source: the int8 reference kernel of TFLite-Micro's AVERAGE_POOL_2D, valid padding.
    """

    pool: tuple[int, int]
    kernel: ClassVar[str] = "average_pool_s8"
    struct: ClassVar[str] = "average_pool"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        expect(len(inputs[0].shape) == 3, "is not a [h, w, c] map", inputs[0])
        h, w, c = inputs[0].shape
        expect(
            h % self.pool[0] == 0 and w % self.pool[1] == 0, "is not tiled by the pool", inputs[0]
        )
        return (((h // self.pool[0], w // self.pool[1], c), "int8"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        count = self.pool[0] * self.pool[1]
        total = _window(self.pool).views(int64(inputs[0])).sum(axis=(2, 3))
        magnitude = (np.abs(total) + count // 2) // count
        return ((np.sign(total) * magnitude).astype(np.int8),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        maps = map_fields(inputs[0].shape, outputs[0].shape)
        return maps | {"pool_h": self.pool[0], "pool_w": self.pool[1]}

    def backward(self, tape: Tape, node: Node) -> None:
        x, y = node.inputs[0], node.outputs[0]
        gradient = tape.gradient(y)
        op = AveragePoolGrad(self.pool, tape.tensor(x).shape)
        tape.plain(x, op, gradient, 1 / (self.pool[0] * self.pool[1]))

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(12)
        for i, (shape, pool) in enumerate(GRID):
            x = rng.integers(-128, 128, shape).astype(np.int8)
            yield Case(f"average_pool{i}", cls(pool), (x,))


@dataclass(frozen=True)
class AveragePoolGrad(Op):
    """Copies dy to every element of its window; the divisor goes into the scale. Input: dy."""

    pool: tuple[int, int]
    x_shape: tuple[int, ...]
    kernel: ClassVar[str] = "average_pool_s8_grad"
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
        maps = map_fields(self.x_shape, self._dy_shape())
        return maps | {"pool_h": self.pool[0], "pool_w": self.pool[1]}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(13)
        for i, ((h, w, c), pool) in enumerate(GRID):
            dy = rng.integers(-128, 128, (h // pool[0], w // pool[1], c)).astype(np.int8)
            yield Case(f"average_pool_grad{i}", cls(pool, (h, w, c)), (dy,))
