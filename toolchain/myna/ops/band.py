# SPDX-License-Identifier: Apache-2.0
"""Rows that arrive a few at a time: a band of those kept and those new, a part of it, a delay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from myna.ir import Array, Tensor
from myna.ops.base import Case, Op, Type, expect

DTYPES = ("int8", "int16")


@dataclass(frozen=True)
class Band(Op):
    """What is kept of the last rows, and the new ones behind it.

    Inputs: x int8 or int16 [n, ...]; the rows before it, [k, ...] (updated: the last k of all).
    Output: y [k + n, ...].
    """

    dtype: str
    struct: ClassVar[str] = "band"

    @property
    def kernel(self) -> str:  # type: ignore[override]
        """One kernel per width."""
        return f"myna_band_s{self.dtype[3:]}"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        x, kept = inputs
        expect(x.dtype == kept.dtype == self.dtype, f"is not {self.dtype}", x)
        expect(x.shape[1:] == kept.shape[1:], "differs in its rows from what is kept", x)
        rows = kept.shape[0] + x.shape[0]
        return (((rows, *x.shape[1:]), self.dtype), (kept.shape, self.dtype))

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, kept = inputs
        band = np.concatenate([kept, x])
        return band, band[len(x) :].copy()

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return {"size": inputs[0].size, "kept": inputs[1].size}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        for name, dtype, inputs in _arrivals(60):
            yield Case(f"band{name}", cls(dtype), inputs, updates=(1,))


@dataclass(frozen=True)
class Delay(Op):
    """As many rows as are new, from as long ago as rows are kept: the first of a `Band`.

    Inputs: as of `Band`. Output: y [n, ...].
    """

    dtype: str
    struct: ClassVar[str] = "band"

    @property
    def kernel(self) -> str:  # type: ignore[override]
        """One kernel per width."""
        return f"myna_delay_s{self.dtype[3:]}"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        _, kept = Band(self.dtype).infer(*inputs)
        return ((inputs[0].shape, self.dtype), kept)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        band, kept = Band(self.dtype).reference(*inputs)
        return band[: len(inputs[0])].copy(), kept

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        return Band(self.dtype).params(inputs, outputs)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        for name, dtype, inputs in _arrivals(64):
            yield Case(f"delay{name}", cls(dtype), inputs, updates=(1,))


@dataclass(frozen=True)
class TakeRows(Op):
    """Rows ``begin … begin + count`` of a band. Input: x int8 or int16 [n, ...]; output: y."""

    dtype: str
    begin: int
    count: int
    struct: ClassVar[str] = "take_rows"

    @property
    def kernel(self) -> str:  # type: ignore[override]
        """One kernel per width."""
        return f"myna_take_rows_s{self.dtype[3:]}"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        x = inputs[0]
        expect(x.dtype == self.dtype, f"is not {self.dtype}", x)
        expect(0 <= self.begin <= x.shape[0] - self.count, "has too few rows", x)
        return (((self.count, *x.shape[1:]), self.dtype),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        return (inputs[0][self.begin : self.begin + self.count].copy(),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        row = inputs[0].size // inputs[0].shape[0]
        return {"begin": self.begin * row, "size": self.count * row}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(61)
        for i, (shape, begin, count) in enumerate([((3, 5, 4), 0, 1), ((4, 3), 1, 2)]):
            for dtype in DTYPES:
                x = _noise(rng, shape, dtype)
                yield Case(f"take_rows{i}_{dtype}", cls(dtype, begin, count), (x,))


def _arrivals(seed: int) -> Iterator[tuple[str, str, tuple[Array, Array]]]:
    """New rows and those before them: a name, the type, the inputs."""
    rng = np.random.default_rng(seed)
    grid = [((1, 5, 3), 2), ((2, 3, 2), 7), ((3, 4, 1), 1), ((1, 1, 1), 1)]
    for i, ((n, *row), kept) in enumerate(grid):
        for dtype in DTYPES:
            yield (
                f"{i}_{dtype}",
                dtype,
                (_noise(rng, (n, *row), dtype), _noise(rng, (kept, *row), dtype)),
            )


def _noise(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max + 1, shape).astype(dtype)
