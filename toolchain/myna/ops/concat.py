# SPDX-License-Identifier: Apache-2.0
"""Concatenation along the last axis, and the slice that is its gradient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from myna.ir import Array, Node, Tensor
from myna.ops.base import Case, Op, Type, expect
from myna.ops.tape import Tape


@dataclass(frozen=True)
class Concat(Op):
    """Inputs: a, b int8 of equal quantization and equal leading shape. Output: [a | b]."""

    kernel: ClassVar[str] = "myna_concat_s8"
    struct: ClassVar[str] = "concat"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        a, b = inputs
        expect(a.shape[:-1] == b.shape[:-1], "differs in leading shape", b)
        expect(a.quant == b.quant, "differs in quantization from what it is joined to", b)
        return (((*a.shape[:-1], a.shape[-1] + b.shape[-1]), "int8"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        return (np.concatenate(inputs, axis=-1),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        a, b = (tensor.shape[-1] for tensor in inputs)
        return {"rows": inputs[0].size // a, "size_a": a, "size_b": b}

    def backward(self, tape: Tape, node: Node) -> None:
        gradient, begin = tape.gradient(node.outputs[0]), 0
        for name in node.inputs:
            size = tape.tensor(name).shape[-1]
            if tape.wants(name):
                tape.plain(name, Slice(begin, size), gradient)
            begin += size

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(16)
        for i, (lead, a, b) in enumerate([((1, 1), 48, 48), ((3, 2), 5, 1)]):
            arrays = (rng.integers(-128, 128, (*lead, n)).astype(np.int8) for n in (a, b))
            yield Case(f"concat{i}", cls(), tuple(arrays))


@dataclass(frozen=True)
class Slice(Op):
    """Elements ``begin … begin + size`` of the last axis. Input: x int8; output: y."""

    begin: int
    size: int
    kernel: ClassVar[str] = "myna_slice_s8"
    struct: ClassVar[str] = "slice"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        expect(self.begin + self.size <= inputs[0].shape[-1], "is too short to slice", inputs[0])
        return (((*inputs[0].shape[:-1], self.size), "int8"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        return (inputs[0][..., self.begin : self.begin + self.size].copy(),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        width = inputs[0].shape[-1]
        rows = inputs[0].size // width
        return {"rows": rows, "width": width, "begin": self.begin, "size": self.size}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(17)
        for i, (shape, begin, size) in enumerate([((1, 1, 96), 48, 48), ((3, 2, 7), 2, 3)]):
            x = rng.integers(-128, 128, shape).astype(np.int8)
            yield Case(f"slice{i}", cls(begin, size), (x,))
