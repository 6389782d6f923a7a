# SPDX-License-Identifier: Apache-2.0
"""Bits, and Rice codes of integers among them; twin of firmware/runtime/rice.c.

A Rice code of parameter k writes x as x >> k ones, a zero, and the k low bits of x. It is short
where x is geometrically distributed with a mean near 2**k. Bits fill bytes from the lowest up,
numbers begin with their lowest bit. Source: Rice, "Some Practical Universal Noiseless Coding
Techniques" (1979).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from myna.errors import MynaError
from myna.ir import Array

Bits = npt.NDArray[np.uint8]  # one in each element

WIDTH = 5  # bits of a parameter
MOST = 30  # the largest parameter: values are below 2**31


def number(value: int, width: int) -> Bits:
    """A number as so many bits."""
    return np.array([value >> i & 1 for i in range(width)], np.uint8)


def lengths(values: Array, k: int) -> Array:
    """Bits of the code of each value."""
    return (values >> k) + (1 + k)


def best(values: Array) -> tuple[int, int]:
    """The parameter whose codes are shortest, the smallest of equals; how many bits they take."""
    costs = [int(lengths(values, k).sum()) for k in range(MOST + 1)]
    return int(np.argmin(costs)), min(costs)


def put(bits: Bits, starts: Array, values: Array, k: int) -> None:
    """Write codes into zeros.

    Args:
        bits: to write into.
        starts: where each code begins.
        values: int64, in [0, 2**31).
        k: the parameter.
    """
    quotients = values >> k
    ones = np.arange(quotients.sum()) - np.repeat(np.cumsum(quotients) - quotients, quotients)
    bits[np.repeat(starts, quotients) + ones] = 1
    for i in range(k):
        bits[starts + quotients + 1 + i] = (values >> i) & 1


class Reader:
    """Takes numbers from bytes.

    Attributes:
        at: bits that were taken.
    """

    def __init__(self, data: bytes) -> None:
        self._bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little").tolist()
        self._data = bytes(self._bits)
        self.at = 0

    def number(self, width: int) -> int:
        """A number of so many bits.

        Raises:
            MynaError: there are fewer.
        """
        if self.at + width > len(self._bits):
            raise damaged()
        found = sum(bit << i for i, bit in enumerate(self._bits[self.at : self.at + width]))
        self.at += width
        return found

    def rice(self, k: int) -> int:
        """A value of a Rice code.

        Raises:
            MynaError: the code does not end, or its value is not below 2**31.
        """
        end = self._data.find(0, self.at)
        quotient = end - self.at
        if end < 0 or quotient > (1 << 31 - k) - 1:
            raise damaged()
        self.at = end + 1
        return quotient << k | self.number(k)

    def is_at_end(self) -> bool:
        """Whether nothing is left but the zeros that fill the last byte."""
        left = self._bits[self.at :]
        return len(left) < 8 and not any(left)


def damaged() -> MynaError:
    """The refusal of bytes that no encoder wrote."""
    return MynaError(
        "an encoded difference is damaged",
        where="federation",
        fix="let clients run the same model and version as the server",
    )
