# SPDX-License-Identifier: Apache-2.0
"""Correlation with a user's secret codeword, and the loss that raises it: no other user is needed.

Outputs z of a network are correlated with a codeword v of −1 and 1. The loss
``max(0, 1 − v·z/n)`` pulls z towards v until their correlation is 1; other users' codewords are far
from v by design, so it needs no negative examples. Source: Hosseini et al., "Federated Learning of
User Verification Models Without Sharing Embeddings" (ICML 2021).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from myna import fixed
from myna.errors import MynaError
from myna.fixed import Pair
from myna.ir import Array, Quant, Tensor
from myna.ops.base import (
    PAIR,
    SCALAR,
    Case,
    Op,
    Type,
    expect,
    int64,
    pair_fields,
    pair_tensor,
)

ONE_Q16 = 1 << 16
MAX_LENGTH = 1024  # of a codeword: correlations stay below 2^18
MAX_TARGET = 1 << 24  # keeps a shortfall in Q16 within int64, and a target within int32
SIGN = 127  # of the gradient: every element has the same size


@dataclass(frozen=True)
class CodewordCorrelation(Op):
    """How far outputs lie in the direction of a codeword, in steps of the outputs.

    Inputs: z int8 [n], codeword int8 [n] of −1 and 1. Output: int32[1].

    Attributes:
        zero: zero point of z.
    """

    zero: int
    kernel: ClassVar[str] = "myna_codeword_correlation_s8"
    struct: ClassVar[str] = "codeword_correlation"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        z, codeword = inputs
        expect(z.size <= MAX_LENGTH, f"is longer than {MAX_LENGTH}", z)
        expect(codeword.shape == (z.size,), f"does not fit {z.size} outputs", codeword)
        return (SCALAR,)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        z, codeword = (int64(array).reshape(-1) for array in inputs)
        return (np.array([codeword @ (z - self.zero)], np.int32),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return {"size": inputs[0].size, "zero": self.zero}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(41)
        for size, zero in ((63, 0), (127, -128), (255, 5), (1, 127)):
            z = rng.integers(-128, 128, size).astype(np.int8)
            yield Case(f"codeword_correlation{size}", cls(zero), (z, _codeword(size)))
        furthest = np.where(_codeword(MAX_LENGTH) > 0, 127, -128).astype(np.int8)
        inputs = (furthest, _codeword(MAX_LENGTH))
        yield Case("codeword_correlation_largest", cls(-128), inputs)


@dataclass(frozen=True)
class CodewordLoss(Op):
    """Hinge loss of a correlation: nothing is learned once it reaches 1.

    Inputs: correlation int32[1], codeword int8 [n] of −1 and 1.
    Outputs: dz int8 [n], its scale (pair), loss int32[1] (Q16).

    Attributes:
        target: the correlation worth 1.
        scale: of the gradient, which is −v/n exactly.
    """

    target: int
    scale: Pair
    kernel: ClassVar[str] = "myna_codeword_loss"
    struct: ClassVar[str] = "codeword_loss"

    @classmethod
    def of(cls, z: Tensor) -> CodewordLoss:
        """The op for quantized outputs.

        Raises:
            MynaError: no correlation of 1 can be reached, or steps are too coarse or too fine.
        """
        low, high = z.scale * (z.zero_point + 128), z.scale * (127 - z.zero_point)
        target = round(z.size / z.scale)
        if min(low, high) < 1 or not z.size <= target <= MAX_TARGET:
            raise MynaError(
                f"a range from {-low:g} to {high:g} in steps of {z.scale:g} cannot show a codeword",
                where=f"tensor {z.name}",
                fix="calibrate the output layer for a range that holds -1 and 1, in steps within 1",
            )
        return cls(target, fixed.pair_from_float(1 / (SIGN * z.size)))

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        correlation, codeword = inputs
        expect(correlation.shape == (1,), "must be one number", correlation)
        expect(codeword.size <= MAX_LENGTH, f"is longer than {MAX_LENGTH}", codeword)
        return ((codeword.shape, "int8"), PAIR, SCALAR)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        correlation, codeword = inputs
        shortfall = self.target - int(correlation[0])
        if shortfall <= 0:
            return np.zeros_like(codeword), pair_tensor((0, 0)), np.zeros(1, np.int32)
        loss = fixed.divide(np.array([shortfall * ONE_Q16]), self.target)
        gradient = (-SIGN * int64(codeword)).astype(np.int8)
        return gradient, pair_tensor(self.scale), loss.astype(np.int32)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        fields = {"size": inputs[1].size, "target": self.target}
        return fields | pair_fields("scale", self.scale)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        for size, step in ((63, 1 / 32), (127, 0.02), (255, 0.5), (1, 0.9), (MAX_LENGTH, 1 / 16)):
            op = cls.of(Tensor("z", (size,), "int8", quant=Quant((step,), 0)))
            for name, correlation in (
                ("reached", op.target),
                ("nearly", op.target - 1),
                ("opposite", -128 * size),
            ):
                inputs = (np.array([correlation], np.int32), _codeword(size))
                yield Case(f"codeword_loss{size}_{name}", op, inputs)


def _codeword(size: int) -> Array:
    signs = np.random.default_rng(size).integers(0, 2, size)
    return np.asarray(2 * signs - 1, np.int8)
