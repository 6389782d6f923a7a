# SPDX-License-Identifier: Apache-2.0
"""The same elements in another shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from myna.ir import Array, Node, Tensor
from myna.ops.base import Case, Op, Type, expect
from myna.ops.tape import Tape


@dataclass(frozen=True)
class Reshape(Op):
    """Input: x int8 of any shape; output: its elements in their order, as ``shape``."""

    shape: tuple[int, ...]
    kernel: ClassVar[str] = "myna_reshape_s8"
    struct: ClassVar[str] = "reshape"
    shares: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        x = inputs[0]
        fits = x.dtype == "int8" and x.size == np.prod(self.shape)
        expect(fits, f"does not fill {self.shape} of int8", x)
        return ((self.shape, "int8"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        return (inputs[0].reshape(self.shape).copy(),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return {"size": inputs[0].size}

    def backward(self, tape: Tape, node: Node) -> None:
        x = node.inputs[0]
        tape.plain(x, Reshape(tape.tensor(x).shape), tape.gradient(node.outputs[0]))

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(54)
        for i, (shape, to) in enumerate([((3, 4, 2), (24,)), ((10,), (1, 5, 2))]):
            yield Case(f"reshape{i}", cls(to), (rng.integers(-128, 128, shape).astype(np.int8),))
