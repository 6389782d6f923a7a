# SPDX-License-Identifier: Apache-2.0
"""Softmax cross-entropy of int8 logits: the loss, and the gradient that starts the backward pass.

``e_i = table[max − logit_i]`` with ``table[d] = round(exp(−d·scale)·2^24)``, probabilities in Q30.
The gradient ``p − onehot`` is known in full before it is quantized, so its scale is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from myna import fixed
from myna.errors import MynaError
from myna.ir import Array, Tensor
from myna.ops.base import PAIR, SCALAR, Case, Op, Type, int64, pair_tensor
from myna.ops.ranges import INV127

ONE_Q30 = 1 << 30
MAX_CLASSES = 64  # 64 exponentials of at most 2^24 stay below 2^30


def exp_table(scale: float) -> Array:
    """``exp(−d·scale)`` in Q24 for d = 0 … 255."""
    return np.asarray(np.round(np.exp(-scale * np.arange(256)) * 2**24), np.int32)


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Op):
    """Loss over the first ``classes`` logits; the others have no probability and no gradient.

    Inputs: logits int8 (n values), label int32[1], table int32 [256], classes int32[1].
    Outputs: dlogits int8 (as the logits), its scale (pair), loss int32[1] (nats, Q16).
    """

    kernel: ClassVar[str] = "myna_softmax_cross_entropy_s8"
    struct: ClassVar[str] = "softmax_cross_entropy"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        logits = inputs[0]
        if logits.size > MAX_CLASSES:
            raise MynaError(
                f"{logits.size} classes are more than {MAX_CLASSES}",
                where=f"tensor {logits.name}",
                fix="train a network that tells fewer classes apart",
            )
        return ((logits.shape, "int8"), PAIR, SCALAR)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        logits, label, table, classes = inputs
        count, target = int(classes[0]), int(label[0])
        active = int64(logits).reshape(-1)[:count]
        e = int64(table)[active.max() - active]
        total = int(e.sum())
        gradient = np.zeros(logits.size, np.int64)
        gradient[:count] = e * ONE_Q30 // total
        gradient[target] -= ONE_Q30
        top = int(np.abs(gradient).max())
        loss = fixed.log2_q16(total) - fixed.log2_q16(max(int(e[target]), 1))
        outputs = np.zeros(logits.shape, np.int8), pair_tensor((0, 0))
        if top:
            magnitude = (np.abs(gradient) * 254 + top) // (2 * top)
            mantissa, exponent = fixed.pair_mul(fixed.pair_from_int(top), INV127)
            outputs = (
                (np.sign(gradient) * magnitude).astype(np.int8).reshape(logits.shape),
                pair_tensor((mantissa, exponent - 30)),
            )
        return (*outputs, np.array([int(loss) * fixed.LN2_Q16 >> 16], np.int32))

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return {"size": inputs[0].size}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(18)
        table = exp_table(0.15)
        for i, (size, classes, label) in enumerate(
            [(12, 12, 3), (20, 13, 12), (2, 1, 0), (64, 64, 0)]
        ):
            logits = rng.integers(-128, 128, size).astype(np.int8)
            if i == 0:
                logits[:] = -128
                logits[3] = 127
            scalars = (np.array([v], np.int32) for v in (label, classes))
            target, active = scalars
            yield Case(f"softmax_cross_entropy{i}", cls(), (logits, target, table, active))
