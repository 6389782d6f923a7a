# SPDX-License-Identifier: Apache-2.0
"""Correlation with a user's secret codeword, and the loss that raises it: no other user is needed.

Outputs z of a network are correlated with a codeword v of −1 and 1. The loss, the mean of
``max(0, 1 − v[i] z[i])``, pulls z towards v; other users' codewords are far from v by design, so it
needs no negative examples. Source: Hosseini et al., "Federated Learning of User Verification Models
Without Sharing Embeddings" (ICML 2021), where the hinge is of the correlation, not of each output:
that one stops to learn while outputs still lie on the wrong side, and verifies worse.
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
TAG_PUBLIC = 0x434F4445  # "CODE": no tensor draws with this tag
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
        _expect_fits(*inputs)
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
    """Mean hinge loss of the outputs: one that reaches 1 on the codeword's side learns no more.

    Inputs: z int8 [n], codeword int8 [n] of −1 and 1.
    Outputs: dz int8 [n], its scale (pair), loss int32[1] (Q16).

    Attributes:
        zero: zero point of z.
        target: the output worth 1, in steps of z.
        scale: of the gradient, which is −v/n exactly.
    """

    zero: int
    target: int
    scale: Pair
    kernel: ClassVar[str] = "myna_codeword_loss"
    struct: ClassVar[str] = "codeword_loss"

    @classmethod
    def of(cls, z: Tensor) -> CodewordLoss:
        """The op for quantized outputs.

        Raises:
            MynaError: 1 and −1 cannot be reached, or steps are too coarse.
        """
        low, high = z.scale * (z.zero_point + 128), z.scale * (127 - z.zero_point)
        if min(low, high) < 1 or z.scale > 1:
            raise MynaError(
                f"a range from {-low:g} to {high:g} in steps of {z.scale:g} cannot show a codeword",
                where=f"tensor {z.name}",
                fix="calibrate the output layer for a range that holds -1 and 1, in steps within 1",
            )
        scale = fixed.pair_from_float(1 / (SIGN * z.size))
        return cls(z.zero_point, round(1 / z.scale), scale)

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        _, codeword = inputs
        _expect_fits(*inputs)
        return ((codeword.shape, "int8"), PAIR, SCALAR)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        z, codeword = (int64(array).reshape(-1) for array in inputs)
        shortfall = np.maximum(self.target - codeword * (z - self.zero), 0)
        total = shortfall.sum(keepdims=True)
        loss = fixed.divide(total * ONE_Q16, z.size * self.target).astype(np.int32)
        gradient = np.where(shortfall > 0, -SIGN * codeword, 0).astype(np.int8)
        return gradient, pair_tensor(self.scale if total[0] else (0, 0)), loss

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        fields = {"size": inputs[0].size, "zero": self.zero, "target": self.target}
        return fields | pair_fields("scale", self.scale)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(42)
        for size, step, zero in ((63, 1 / 32, 0), (127, 0.02, -5), (255, 0.5, 9), (1, 0.9, 0)):
            op = cls.of(Tensor("z", (size,), "int8", quant=Quant((step,), zero)))
            v = _codeword(size)
            for name, z in (
                ("random", rng.integers(-128, 128, size)),
                ("reached", zero + op.target * v.astype(int)),
                ("nearly", zero + (op.target - 1) * v.astype(int)),
            ):
                yield Case(f"codeword_loss{size}_{name}", op, (z.astype(np.int8), v))
        op = cls.of(Tensor("z", (MAX_LENGTH,), "int8", quant=Quant((1 / 126,), 0)))
        furthest = np.where(_codeword(MAX_LENGTH) > 0, -128, 127).astype(np.int8)
        yield Case("codeword_loss_largest", op, (furthest, _codeword(MAX_LENGTH)))


def _expect_fits(z: Tensor, codeword: Tensor) -> None:
    expect(z.size <= MAX_LENGTH, f"is longer than {MAX_LENGTH}", z)
    expect(codeword.shape == (z.size,), f"does not fit {z.size} outputs", codeword)


def _codeword(size: int) -> Array:
    signs = np.random.default_rng(size).integers(0, 2, size)
    return np.asarray(2 * signs - 1, np.int8)


def public_codeword(size: int) -> Array:
    """What a device has until it gets a codeword of its own: everybody knows it; int8 [size]."""
    bits = fixed.random32(fixed.key(size, 0, TAG_PUBLIC), np.arange(size)) >> 31
    return (1 - 2 * int64(bits)).astype(np.int8)
