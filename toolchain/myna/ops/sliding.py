# SPDX-License-Identifier: Apache-2.0
"""Means over a window that slides along rows, of which a few are new each time.

What is kept of a row is its sum over the width, in as many bits as that may need; the sums over the
window are carried on, exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from myna import fixed
from myna.fixed import IntArray
from myna.ir import Array, Quant, Tensor
from myna.ops.base import Case, Op, Type, expect, int64
from myna.ops.mean import Mean

MAX_WIDTH = 255  # of which a row's sum fits 16 bits
SHAPES = [((1, 5, 6), 25), ((2, 3, 17), 4), ((3, 1, 2), 3)]  # new rows [n, w, c]; window


def sum_bits(width: int) -> int:
    """Bits of a sum of so many int8, with its sign."""
    return 8 + (width - 1).bit_length()


def packed_bytes(width: int, channels: int) -> int:
    """Bytes of a row's sums over its width, in whole words: these are moved at once."""
    return -(-sum_bits(width) * channels // 32) * 4


def pack(sums: IntArray, bits: int) -> Array:
    """Integers of so many bits each, one behind the other from the lowest bit of the first byte on.

    Args:
        sums: [n, c], which fit.
        bits: of each.

    Returns:
        int8 [n, bytes], in whole words; the bits that are left are 0.
    """
    found = (sums[..., None] >> np.arange(bits)) & 1
    flat = found.reshape(len(sums), -1).astype(np.uint8)
    words = np.pad(flat, ((0, 0), (0, -flat.shape[1] % 32)))
    return np.packbits(words, axis=1, bitorder="little").view(np.int8)


def unpack(packed: Array, bits: int, channels: int) -> IntArray:
    """What `pack` was given: int64 [n, channels]."""
    flat = np.unpackbits(packed.view(np.uint8), axis=1, bitorder="little")
    found = flat[:, : bits * channels].reshape(len(packed), channels, bits)
    values = found.astype(np.int64) @ (1 << np.arange(bits, dtype=np.int64))
    return np.asarray(values - (found[..., -1].astype(np.int64) << bits))


@dataclass(frozen=True)
class _Sliding(Op):
    """Inputs: x int8 [n, w, c]; sums, int8 [rows, `packed_bytes`]; their totals int32 [c] (both
    updated)."""

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        x, sums, total = inputs
        expect(x.shape[1] <= MAX_WIDTH, f"is wider than {MAX_WIDTH}", x)
        expect(x.shape[0] <= sums.shape[0], "has more rows than the window", x)
        row = packed_bytes(*x.shape[1:])
        expect(sums.shape[1] == row, f"has rows of {sums.shape[1]} bytes, not {row}", sums)
        expect(total.shape == x.shape[2:], "differs in channels", total)
        return ((self.shape(x), "int8"), (sums.shape, "int8"), (total.shape, "int32"))

    def shape(self, x: Tensor) -> tuple[int, ...]:
        """Of the result."""
        raise NotImplementedError

    def finish(self, total: IntArray, positions: int) -> IntArray:
        """The mean of so many positions, of which the sums are given."""
        raise NotImplementedError

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, sums, total = inputs
        rows, bits = int64(x).sum(axis=1), sum_bits(x.shape[1])
        oldest = unpack(sums[: len(rows)], bits, x.shape[2])
        totals = int64(total) + (rows - oldest).sum(axis=0)
        mean = self.finish(totals, sums.shape[0] * x.shape[1]).astype(np.int8)
        kept = np.concatenate([sums[len(rows) :], pack(rows, bits)])
        shape = self.shape(Tensor("x", x.shape, "int8"))
        return mean.reshape(shape), kept, totals.astype(np.int32)

    def window(self, inputs: tuple[Tensor, ...]) -> dict[str, int]:
        """The C fields of the window, each after its struct."""
        (rows, width, channels), kept = inputs[0].shape, inputs[1].shape[0]
        fields = {"rows": rows, "width": width, "channels": channels, "kept": kept}
        return fields | {"bits": sum_bits(width)}


@dataclass(frozen=True)
class SlidingAverage(_Sliding):
    """`AveragePool` of the window. Output: y int8 [1, 1, c]."""

    kernel: ClassVar[str] = "myna_sliding_average_s8"
    struct: ClassVar[str] = "sliding"

    def shape(self, x: Tensor) -> tuple[int, ...]:
        return (1, 1, x.shape[2])

    def finish(self, total: IntArray, positions: int) -> IntArray:
        return fixed.divide(total, positions)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return self.window(inputs)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        for i, inputs in enumerate(_examples(62)):
            yield Case(f"sliding_average{i}", cls(), inputs, updates=(1, 2))


@dataclass(frozen=True)
class SlidingMean(_Sliding):
    """`Mean` of the window. Output: y int8 [c]."""

    mean: Mean
    kernel: ClassVar[str] = "myna_sliding_mean_s8"
    struct: ClassVar[str] = "sliding_mean"

    def shape(self, x: Tensor) -> tuple[int, ...]:
        return (x.shape[2],)

    def finish(self, total: IntArray, positions: int) -> IntArray:
        return self.mean.finish(total - self.mean.x_zero * positions)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        fields = {f"window.{key}": value for key, value in self.window(inputs).items()}
        x, kept = inputs[0], inputs[1].shape[0]
        map_ = Tensor("window", (kept, *x.shape[1:]), "int8")
        mean = self.mean.params((map_,), outputs)
        return fields | {f"mean.{key}": value for key, value in mean.items()}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        for i, inputs in enumerate(_examples(63)):
            x, sums, _ = inputs
            quants = Quant((0.1,), -128 + i), Quant((0.031 * (i + 1),), 9 - i)
            mean = Mean.of(*quants, sums.shape[0] * x.shape[1])
            yield Case(f"sliding_mean{i}", cls(mean), inputs, updates=(1, 2))


def _examples(seed: int) -> Iterator[tuple[Array, ...]]:
    """New rows behind others that were summed."""
    rng = np.random.default_rng(seed)
    for (rows, width, channels), kept in SHAPES:
        map_ = rng.integers(-128, 128, (kept + rows, width, channels)).astype(np.int8)
        map_[..., 0], map_[..., 1] = -128, 127
        sums = int64(map_[:kept]).sum(axis=1)
        packed = pack(sums, sum_bits(width))
        yield map_[kept:], packed, sums.sum(axis=0).astype(np.int32)
