# SPDX-License-Identifier: Apache-2.0
"""The only arithmetic: requantization, rounding, saturation, integer log, PRNG, scale pairs.

Every function here has a twin of the same name (prefix ``fx_``, or ``myna_fx_`` where the linker
sees it) in ``firmware/kernels/fixed.h`` and gives the same integers. Arrays may have any shape;
NumPy works in int64, where no intermediate below can overflow.

A *pair* ``(mantissa, exponent)`` is the integer form of a positive real number:
``value = mantissa * 2**(exponent - 31)`` with ``2**30 <= mantissa < 2**31``; ``(0, 0)`` is zero.
A *multiplier* ``(mantissa, shift)`` multiplies an integer by ``mantissa * 2**-shift``.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[Any]
Pair = tuple[int, int]
Whole = TypeVar("Whole", int, IntArray)

INT32_MAX = 2**31 - 1
INT32_MIN = -(2**31)
SMALL = 2**30  # magnitudes below it are multiplied in the kernels without an int64 (fixed.h)
LOG2_BITS = 6  # index bits of LOG2_TABLE
LOG2_TABLE = tuple(round(math.log2(1 + i / 64) * 65536) for i in range(65))
LN2_Q16 = 45426  # ln 2 in Q16


def saturate(x: IntArray, low: int, high: int) -> IntArray:
    """Clamp ``x`` to ``[low, high]``."""
    return np.minimum(np.maximum(x, low), high)  # faster than np.clip on small arrays


def requantize(x: IntArray, mantissa: IntArray | int, shift: IntArray | int) -> IntArray:
    """Multiply int32 ``x`` by ``mantissa * 2**(shift - 31)``, rounding twice, as TFLite-Micro does.

    First a doubling high multiply (half up), then a right shift (half away from zero).

    Args:
        x: int32 values.
        mantissa: Q31 in [2**30, 2**31), or 0; broadcast against ``x``.
        shift: positive = left shift before the multiply.

    Source: ``MultiplyByQuantizedMultiplier`` of TFLite-Micro.
    """
    shift = np.asarray(shift, np.int64)
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    factor = np.asarray(mantissa, np.int64) << left
    high = np.asarray(x, np.int64) * factor
    high += 1 << 30  # in place from here on: half of what the reference computes passes through
    high >>= 31
    sign = high >> 63
    high += high  # so that the half is an integer and a negative number gets a little less
    high += sign
    high += 1 << right
    high >>= right + 1
    return np.asarray(high)


def scale32(x: IntArray, mantissa: IntArray | int, shift: IntArray | int) -> IntArray:
    """Multiply int32 ``x`` by ``mantissa * 2**-shift``, round once (half up), saturate to int32.

    Args:
        x: int32 values.
        mantissa: in [0, 2**31).
        shift: in [1, 62].
    """
    shift = np.asarray(shift, np.int64)
    product = np.asarray(x, np.int64) * np.asarray(mantissa, np.int64)
    rounded = (product + (np.int64(1) << (shift - 1))) >> shift
    return saturate(rounded, INT32_MIN, INT32_MAX)


def divide(x: IntArray | int, by: IntArray | int) -> IntArray:
    """Quotients by positive numbers, rounded to the nearest integer, halves away from zero.

    Args:
        x: int64 values; quotients must fit int32.
        by: in [1, 2**32).
    """
    values = np.asarray(x, np.int64)
    return np.asarray(np.sign(values) * ((2 * np.abs(values) + by) // (2 * by)))


def matmul_exact(a: IntArray, b: IntArray) -> IntArray:
    """Exact integer matrix product through float64 BLAS.

    Exact because every partial sum of the int8 and int16 products used here stays below 2**53.
    """
    return np.asarray((a.astype(np.float64) @ b.astype(np.float64)).astype(np.int64))


# -- pairs ---------------------------------------------------------------------------------------


def pair_from_float(value: float) -> Pair:
    """The pair nearest to a finite ``value >= 0``. Only the toolchain calls this."""
    if value == 0:
        return (0, 0)
    fraction, exponent = math.frexp(value)
    mantissa = math.floor(fraction * 2**31 + 0.5)
    return (mantissa, exponent) if mantissa < 2**31 else (2**30, exponent + 1)


def pair_to_float(pair: Pair) -> float:
    """The real value of a pair."""
    return math.ldexp(pair[0], pair[1] - 31)


def pair_from_int(value: int) -> Pair:
    """The exact pair of an integer in [0, 2**31)."""
    if value == 0:
        return (0, 0)
    exponent = value.bit_length()
    return (value << (31 - exponent), exponent)


def pair_mul(a: Pair, b: Pair) -> Pair:
    """Product of two pairs, mantissa rounded half up."""
    if a[0] == 0 or b[0] == 0:
        return (0, 0)
    product, exponent = a[0] * b[0], a[1] + b[1]
    if product < 1 << 61:
        product, exponent = product << 1, exponent - 1
    mantissa = (product + (1 << 30)) >> 31
    return (mantissa, exponent) if mantissa < 1 << 31 else (1 << 30, exponent + 1)


def pair_div(a: Pair, b: Pair) -> Pair:
    """Quotient of two pairs, mantissa truncated. ``b`` must not be zero."""
    if a[0] == 0:
        return (0, 0)
    quotient, exponent = (a[0] << 31) // b[0], a[1] - b[1]
    return (quotient, exponent) if quotient < 1 << 31 else (quotient >> 1, exponent + 1)


def pair_less(a: Pair, b: Pair) -> bool:
    """Whether ``a < b``."""
    if a[0] == 0 or b[0] == 0:
        return a[0] < b[0]
    return (a[1], a[0]) < (b[1], b[0])


def pair_multiplier(pair: Pair) -> tuple[int, int]:
    """The multiplier ``(mantissa, shift)`` for ``scale32`` that is worth ``pair``.

    Values too small to matter become zero, values of 2**30 and more the largest multiplier.
    """
    shift = 31 - pair[1]
    if pair[0] == 0 or shift > 62:
        return (0, 1)
    return (pair[0], shift) if shift >= 1 else (INT32_MAX, 1)


def requantize_multiplier(value: float) -> tuple[int, int]:
    """The ``(mantissa, shift)`` for ``requantize`` that is worth ``value`` (TFLite's rounding)."""
    mantissa, exponent = pair_from_float(value)
    return (0, 0) if exponent < -31 else (mantissa, exponent)


# -- logarithm -----------------------------------------------------------------------------------


def log2_q16(x: IntArray | int) -> IntArray:
    """Base-2 logarithm of integers in [1, 2**63), in Q16; at most 6 LSB from the exact value.

    Table of 64 segments with linear interpolation on the 16 bits that follow the leading one.
    """
    values = np.asarray(x, np.int64)
    exponent = np.zeros(values.shape, np.int64)
    for bits in (32, 16, 8, 4, 2, 1):
        exponent += np.where((values >> exponent) >> bits > 0, bits, 0)
    left, right = np.maximum(16 - exponent, 0), np.maximum(exponent - 16, 0)
    fraction = ((values << left) >> right) & 0xFFFF
    table = np.asarray(LOG2_TABLE, np.int64)
    index, rest = fraction >> 10, fraction & 0x3FF
    low, high = table[index], table[index + 1]
    return np.asarray((exponent << 16) + low + (((high - low) * rest) >> 10))


# -- counter-based pseudo-random numbers -----------------------------------------------------------


def mix32(x: Whole) -> Whole:
    """A bijective 32-bit hash: two multiply-xorshift rounds with the constants of ``lowbias32``.

    Args:
        x: a Python integer, or an array of uint64; the low 32 bits count.
    """
    value = x & 0xFFFFFFFF
    value = ((value ^ (value >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
    value = ((value ^ (value >> 15)) * 0x846CA68B) & 0xFFFFFFFF
    return value ^ (value >> 16)


def key(seed: int, step: int, tag: int) -> int:
    """The PRNG key of one tensor (``tag``) at one step: all uint32."""
    return mix32(mix32(mix32(seed ^ 0x9E3779B9) ^ step) ^ tag)


def random32(key_value: int, index: Whole) -> Whole:
    """Uniform uint32 number ``index`` of a key; independent of the order of evaluation.

    Args:
        key_value: what ``key`` returned.
        index: as the argument of ``mix32``.
    """
    return mix32(index * 0x9E3779B9 + key_value)


def random16(key_value: int, count: int) -> IntArray:
    """The first ``count`` uniform 16-bit numbers of a key, two from each draw, low half first."""
    words = random32(key_value, np.arange((count + 1) // 2, dtype=np.uint64))
    halves = words.astype("<u4").view("<u2")
    return np.asarray(halves[:count], np.int64)
