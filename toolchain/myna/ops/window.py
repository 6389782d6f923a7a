# SPDX-License-Identifier: Apache-2.0
"""Geometry of sliding windows, shared by convolutions and pooling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from myna.errors import MynaError
from myna.fixed import IntArray
from myna.ir import Tensor
from myna.ops.base import expect


@dataclass(frozen=True)
class Window:
    """A 2-D sliding window over an [h, w, c] map.

    Attributes:
        kernel: height and width of the window.
        strides: vertical and horizontal stride.
        padding: top, bottom, left, right; each less than the kernel, so that every window sees
            something of the map, as the kernels rely on.

    Raises:
        MynaError: more padding than that.
    """

    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    def __post_init__(self) -> None:
        """Check the padding."""
        top, bottom, left, right = self.padding
        if max(top, bottom) >= self.kernel[0] or max(left, right) >= self.kernel[1]:
            raise MynaError(f"padding {self.padding} is not less than the kernel {self.kernel}")

    @classmethod
    def of(
        cls, size: tuple[int, int], kernel: tuple[int, int], strides: tuple[int, int], padding: str
    ) -> Window:
        """A window with ``"same"`` or ``"valid"`` padding, as TensorFlow defines them."""
        if padding == "valid":
            return cls(kernel, strides)
        pads: list[int] = []
        for n, k, s in zip(size, kernel, strides, strict=True):
            total = max((-(-n // s) - 1) * s + k - n, 0)
            pads += [total // 2, total - total // 2]
        return cls(kernel, strides, (pads[0], pads[1], pads[2], pads[3]))

    @property
    def tiles(self) -> bool:
        """Whether windows lie side by side, without padding."""
        return self.kernel == self.strides and not any(self.padding)

    @property
    def overlap(self) -> int:
        """The most windows that see one element."""
        rows, columns = (-(-k // s) for k, s in zip(self.kernel, self.strides, strict=True))
        return rows * columns

    def pooled(self, x: Tensor) -> tuple[int, int, int]:
        """Shape of what a pool makes of ``x``; raises MynaError where the window does not fit."""
        expect(len(x.shape) == 3, "is not a [h, w, c] map", x)
        height, width = self.output(x.shape[0], x.shape[1])
        expect(min(height, width) > 0, f"is smaller than the window {self.kernel}", x)
        return (height, width, x.shape[2])

    def seen(self, shape: tuple[int, ...]) -> IntArray:
        """How many elements of a map each position sees: int64 [out_h, out_w, 1]."""
        return np.asarray(self.views(np.ones((*shape[:2], 1), np.int64)).sum(axis=(2, 3)))

    def output(self, height: int, width: int) -> tuple[int, int]:
        """Size of the output map."""
        top, bottom, left, right = self.padding
        return (
            (height + top + bottom - self.kernel[0]) // self.strides[0] + 1,
            (width + left + right - self.kernel[1]) // self.strides[1] + 1,
        )

    def pad(self, x: IntArray, fill: float = 0) -> IntArray:
        """``x`` [h, w, c] with a value around it; ``x`` itself where there is no padding."""
        if not any(self.padding):
            return x
        padded, inside = self._padded(x.shape, x.dtype, fill)
        inside[...] = x
        return padded

    def tap(self, padded: IntArray, row: int, column: int) -> IntArray:
        """View of what one tap of the window sees: [out_h, out_w, c]."""
        out_h = (padded.shape[0] - self.kernel[0]) // self.strides[0] + 1
        out_w = (padded.shape[1] - self.kernel[1]) // self.strides[1] + 1
        rows = slice(row, row + (out_h - 1) * self.strides[0] + 1, self.strides[0])
        columns = slice(column, column + (out_w - 1) * self.strides[1] + 1, self.strides[1])
        return padded[rows, columns]

    def taps(self) -> list[tuple[int, int]]:
        """All taps in row-major order."""
        return [(r, c) for r in range(self.kernel[0]) for c in range(self.kernel[1])]

    def views(self, x: IntArray, fill: float = 0) -> IntArray:
        """What each position of the window sees of ``x`` [h, w, c]: [out_h, out_w, kh, kw, c].

        Args:
            x: the map.
            fill: what is seen outside of it.
        """
        padded = np.ascontiguousarray(self.pad(x, fill))
        shape = (*self.output(*x.shape[:2]), *self.kernel, x.shape[2])
        steps = (s * stride for s, stride in zip(self.strides, padded.strides[:2], strict=True))
        return np.ndarray(shape, x.dtype, padded, strides=(*steps, *padded.strides))

    def columns(self, x: IntArray) -> IntArray:
        """im2col: [out_h * out_w, taps * c], taps in row-major order."""
        views = self.views(x)
        return views.reshape(views.shape[0] * views.shape[1], -1)

    def scatter(self, views: IntArray, shape: tuple[int, ...]) -> IntArray:
        """Adjoint of ``views``: sums [out_h, out_w, kh, kw, c] back into a map of ``shape``."""
        padded, inside = self._padded(shape, views.dtype)
        for row, column in self.taps():
            self.tap(padded, row, column)[...] += views[:, :, row, column]
        return inside

    def _padded(
        self, shape: tuple[int, ...], dtype: np.dtype[Any], fill: float = 0
    ) -> tuple[IntArray, IntArray]:
        """One value all over, and the view of it that a map of ``shape`` takes."""
        top, bottom, left, right = self.padding
        height, width, channels = shape
        padded = np.full((top + height + bottom, left + width + right, channels), fill, dtype)
        return padded, padded[top : top + height, left : left + width]

    def fields(self) -> dict[str, int]:
        """The C fields of the window."""
        return {
            "window.kernel_h": self.kernel[0],
            "window.kernel_w": self.kernel[1],
            "window.stride_h": self.strides[0],
            "window.stride_w": self.strides[1],
            "window.pad_top": self.padding[0],
            "window.pad_left": self.padding[2],
        }


def map_fields(x: tuple[int, ...], y: tuple[int, ...]) -> dict[str, int]:
    """The C fields of an input and an output map of shapes [h, w, c]."""
    names = ("in_h", "in_w", "in_c", "out_h", "out_w", "out_c")
    return dict(zip((f"map.{name}" for name in names), (*x, *y), strict=True))
