# SPDX-License-Identifier: Apache-2.0
"""Margins around a map, and the crop that is their gradient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from myna.ir import Array, Node, Tensor
from myna.ops.base import Case, Op, Type, expect
from myna.ops.tape import Tape
from myna.ops.window import map_fields

GRID = [((3, 4, 2), (1, 2, 0, 3)), ((1, 1, 5), (0, 1, 1, 0)), ((4, 3, 3), (0, 0, 2, 1))]


@dataclass(frozen=True)
class _Margins(Op):
    """Rows above and below, columns left and right."""

    margins: tuple[int, int, int, int]
    struct: ClassVar[str] = "pad"

    def outer(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape with the margins."""
        top, bottom, left, right = self.margins
        return (shape[0] + top + bottom, shape[1] + left + right, shape[2])

    def fields(self, inner: Tensor, outer: Tensor) -> dict[str, int]:
        """The C fields."""
        maps = map_fields(inner.shape, outer.shape)
        return maps | {"top": self.margins[0], "left": self.margins[2]}


@dataclass(frozen=True)
class Pad(_Margins):
    """Surrounds a map with real zeros. Input: x int8 [h, w, c]; output: y of equal scale."""

    zero: int
    kernel: ClassVar[str] = "myna_pad_s8"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        expect(len(inputs[0].shape) == 3, "is not a [h, w, c] map", inputs[0])
        return ((self.outer(inputs[0].shape), "int8"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        top, bottom, left, right = self.margins
        widths = ((top, bottom), (left, right), (0, 0))
        return (np.pad(inputs[0], widths, constant_values=self.zero),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return self.fields(inputs[0], outputs[0]) | {"zero": self.zero}

    def backward(self, tape: Tape, node: Node) -> None:
        tape.plain(node.inputs[0], Crop(self.margins), tape.gradient(node.outputs[0]))

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(52)
        for i, (shape, margins) in enumerate(GRID):
            x = rng.integers(-128, 128, shape).astype(np.int8)
            yield Case(f"pad{i}", cls(margins, (-128, 0, 127)[i]), (x,))


@dataclass(frozen=True)
class Crop(_Margins):
    """Drops the margins. Input: x int8 [h, w, c]; output: y."""

    kernel: ClassVar[str] = "myna_crop_s8"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        h, w, c = inputs[0].shape
        top, bottom, left, right = self.margins
        expect(min(h - top - bottom, w - left - right) > 0, "is too small to crop", inputs[0])
        return (((h - top - bottom, w - left - right, c), "int8"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        h, w, _ = inputs[0].shape
        top, bottom, left, right = self.margins
        return (inputs[0][top : h - bottom, left : w - right].copy(),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return self.fields(outputs[0], inputs[0])

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(53)
        for i, (shape, margins) in enumerate(GRID):
            op = cls(margins)
            x = rng.integers(-128, 128, op.outer(shape)).astype(np.int8)
            yield Case(f"crop{i}", op, (x,))
