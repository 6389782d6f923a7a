# SPDX-License-Identifier: Apache-2.0
"""Imprinting: the row of a new class is set to the mean embedding of its examples.

The centred mean becomes the direction of the row, which gets the length that rows of trained
classes have; the bias is such that the mean embedding itself has the logit that examples of
trained classes have. Source: Qi, Brown and Lowe, "Low-Shot Learning with Imprinted Weights" (CVPR
2018), with a centre because embeddings behind a ReLU are never negative.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt
from typing import ClassVar

import numpy as np

from myna import fixed
from myna.ir import Array, Tensor
from myna.ops.base import Case, Op, Type, expect, int64
from myna.ops.sgd import BIAS_MAX

CENTER_BITS = 4  # fraction bits of the centre


@dataclass(frozen=True)
class Imprint(Op):
    """Set one row of a dense layer from the sum of embeddings.

    Inputs: total int32 [inputs], shots int32[1], halvings int32[1], label int32[1], center int16
    [inputs] (Q4), w int8 [units, inputs], residual int8 (its shape), bias int32 [units]; the last
    three updated.

    Attributes:
        norm: length of the new row before it is halved, in its own int8 steps.
        own: accumulator that the mean embedding gets, before it is halved.
    """

    norm: int
    own: int
    kernel: ClassVar[str] = "myna_imprint_s8"
    struct: ClassVar[str] = "imprint"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        w = inputs[5]
        expect(w.shape[1:] == inputs[0].shape, f"does not fit {inputs[0].size} inputs", w)
        return ((w.shape, "int8"), (w.shape, "int8"), (inputs[7].shape, "int32"))

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        total, (shots,), (halvings,), (label,), center, *state = (int64(array) for array in inputs)
        w, residual, bias = (array.copy() for array in state)
        away = (total << CENTER_BITS) - shots * center
        norm, own = (int(fixed.divide(x, 1 << int(halvings))) for x in (self.norm, self.own))
        length = isqrt(int((away * away).sum()))
        row = fixed.divide(away * norm, max(length, 1))
        w[label] = fixed.saturate(row, -127, 127)
        residual[label] = 0
        mean = int(fixed.divide((w[label] * total).sum(), int(shots)))
        bias[label] = fixed.saturate(np.array(own - mean), -BIAS_MAX, BIAS_MAX)
        return w.astype(np.int8), residual.astype(np.int8), bias.astype(np.int32)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return {"inputs": inputs[0].size, "norm": self.norm, "own": self.own}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(31)
        for i, (units, inputs, shots) in enumerate([(20, 96, 5), (3, 7, 1), (12, 64, 48)]):
            total = rng.integers(0, 256 * shots, inputs).astype(np.int32)
            center = rng.integers(0, 128 << CENTER_BITS, inputs).astype(np.int16)
            if i == 1:
                total, center = np.zeros(inputs, np.int32), np.zeros(inputs, np.int16)
            w, residual = (rng.integers(-127, 128, (units, inputs)).astype(np.int8) for _ in "wr")
            bias = rng.integers(-(2**16), 2**16, units).astype(np.int32)
            count, halvings, label = (np.array([v], np.int32) for v in (shots, i, units - 1))
            case = (total, count, halvings, label, center, w, residual, bias)
            yield Case(f"imprint{i}", cls(301 + i, 20_001), case, updates=(5, 6, 7))
