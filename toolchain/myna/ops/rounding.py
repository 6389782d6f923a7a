# SPDX-License-Identifier: Apache-2.0
"""Weights without a residual of their own: each update is rounded to whole int8 steps.

The update runs as ever, on a residual that is zero before it. What it leaves there is rounded
stochastically into the weight, so that small steps count in the mean, and zero again. One such
plane serves all weights, which keep one byte each instead of two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from myna import fixed
from myna.ir import Array, Tensor
from myna.ops.base import Case, Op, Type, expect, int64


@dataclass(frozen=True)
class RoundWeight(Op):
    """Inputs: seed, step int32[1], w int8, residual int8, at least as large (both updated)."""

    tag: int
    kernel: ClassVar[str] = "myna_round_weight_s8"
    struct: ClassVar[str] = "round_weight"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        w, residual = inputs[2:]
        expect(residual.size >= w.size, f"has less than {w.size} elements", residual)
        return ((w.shape, "int8"), (residual.shape, "int8"))

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        seed, step, w, residual = inputs
        key = fixed.key(int(seed[0]), int(step[0]), self.tag)
        noise = fixed.random16(key, w.size) >> 8
        up = (int64(residual.reshape(-1)[: w.size]) + noise) >> 8
        rounded = fixed.saturate(int64(w) + up.reshape(w.shape), -127, 127)
        left = residual.copy()
        left.reshape(-1)[: w.size] = 0
        return rounded.astype(np.int8), left

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return {"size": inputs[2].size, "tag": self.tag}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(41)
        for i, shape in enumerate([(6, 3, 3, 4), (1, 7), (3, 3, 5)]):
            w = rng.integers(-127, 128, shape).astype(np.int8)
            residual = rng.integers(-128, 128, w.size + i).astype(np.int8)
            w.flat[:2], residual[:2] = (-127, 127), (-128, 127)
            clock = (np.array([v], np.int32) for v in (1 + i, 50 * i))
            yield Case(f"round_weight{i}", cls(90 + i), (*clock, w, residual), updates=(2, 3))
