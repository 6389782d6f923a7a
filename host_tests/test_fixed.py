# SPDX-License-Identifier: Apache-2.0
"""The arithmetic against independent definitions in exact integers and fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from myna import fixed
from myna.fixed import Pair
from support.numbers import INT32, MANTISSA, PAIRS, UINT32, log2_inputs


def exact(pair: Pair) -> Fraction:
    return pair[0] * Fraction(2) ** (pair[1] - 31)


def is_pair(pair: Pair) -> bool:
    return pair == (0, 0) or 2**30 <= pair[0] < 2**31


# -- requantize and scale32 ------------------------------------------------------------------------


def tflm_multiply(x: int, mantissa: int, shift: int) -> int:
    """MultiplyByQuantizedMultiplier of TFLite-Micro, step by step.

    SaturatingRoundingDoublingHighMul truncates toward zero after adding a nudge of the product's
    sign; RoundingDivideByPOT compares the remainder with half the divisor.
    """
    product = (x << max(shift, 0)) * mantissa
    nudged = product + ((1 << 30) if product >= 0 else 1 - (1 << 30))
    high = abs(nudged) // (1 << 31) * (1 if nudged >= 0 else -1)
    exponent = max(-shift, 0)
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (1 if high < 0 else 0)
    return (high >> exponent) + (1 if (high & mask) > threshold else 0)


@given(x=INT32, mantissa=MANTISSA, shift=st.integers(-31, 0))
def test_requantize_is_tflite_micros(x: int, mantissa: int, shift: int) -> None:
    assert fixed.requantize(np.array(x), mantissa, shift) == tflm_multiply(x, mantissa, shift)


@given(x=st.integers(-(2**16), 2**16), mantissa=MANTISSA, shift=st.integers(0, 14))
def test_requantize_upward_is_tflite_micros(x: int, mantissa: int, shift: int) -> None:
    assert fixed.requantize(np.array(x), mantissa, shift) == tflm_multiply(x, mantissa, shift)


def test_requantize_rounds_halves_in_two_ways() -> None:
    half = 2**30  # mantissa of 0.5
    assert fixed.requantize(np.array([-3, -1, 1, 3]), half, 0).tolist() == [-1, 0, 1, 2]
    assert fixed.requantize(np.array([-12, -4, 4, 12]), half, -2).tolist() == [-2, -1, 1, 2]


@given(x=INT32, mantissa=st.integers(0, 2**31 - 1), shift=st.integers(1, 62))
@example(x=fixed.INT32_MIN, mantissa=2**31 - 1, shift=1)
@example(x=fixed.INT32_MAX, mantissa=2**31 - 1, shift=62)
def test_scale32_rounds_half_up_once(x: int, mantissa: int, shift: int) -> None:
    rounded = math.floor(Fraction(x * mantissa, 2**shift) + Fraction(1, 2))
    expected = min(max(rounded, fixed.INT32_MIN), fixed.INT32_MAX)
    assert fixed.scale32(np.array(x), mantissa, shift) == expected


def test_matmul_exact_is_exact_at_the_extremes() -> None:
    a = np.full((2, 4096), -32768, np.int64)  # int16 times int8, the widest product in use
    b = np.full((4096, 3), -128, np.int64)
    assert np.array_equal(fixed.matmul_exact(a, b), np.full((2, 3), 32768 * 128 * 4096))


# -- pairs -----------------------------------------------------------------------------------------


@given(value=st.floats(1e-25, 1e25))
def test_pair_from_float_is_nearest(value: float) -> None:
    pair = fixed.pair_from_float(value)
    assert is_pair(pair)
    assert abs(exact(pair) / Fraction(value) - 1) <= Fraction(1, 2**31)
    assert fixed.pair_to_float(pair) == float(exact(pair))


def test_pair_from_float_carries_into_the_exponent() -> None:
    assert fixed.pair_from_float(math.nextafter(1.0, 0.0)) == (2**30, 1)
    assert fixed.pair_from_float(0.0) == (0, 0)


@given(value=st.integers(0, 2**31 - 1))
def test_pair_from_int_is_exact(value: int) -> None:
    pair = fixed.pair_from_int(value)
    assert is_pair(pair)
    assert exact(pair) == value


@given(a=PAIRS, b=PAIRS)
def test_pair_mul_is_within_half_an_lsb(a: Pair, b: Pair) -> None:
    product = fixed.pair_mul(a, b)
    assert is_pair(product)
    assert abs(exact(product) - exact(a) * exact(b)) <= exact(a) * exact(b) / 2**31


@given(a=PAIRS, b=PAIRS.filter(lambda pair: pair[0] != 0))
def test_pair_div_truncates_within_one_lsb(a: Pair, b: Pair) -> None:
    quotient, real = fixed.pair_div(a, b), exact(a) / exact(b)
    assert is_pair(quotient)
    assert 0 <= real - exact(quotient) <= real / 2**30


@given(a=PAIRS, b=PAIRS, c=PAIRS)
def test_pair_mul_and_div_are_monotone(a: Pair, b: Pair, c: Pair) -> None:
    low, high = sorted((a, b), key=exact)
    assert exact(fixed.pair_mul(low, c)) <= exact(fixed.pair_mul(high, c))
    if c[0] != 0:
        assert exact(fixed.pair_div(low, c)) <= exact(fixed.pair_div(high, c))


@given(a=PAIRS, b=PAIRS)
def test_pair_less_orders_by_value(a: Pair, b: Pair) -> None:
    assert fixed.pair_less(a, b) == (exact(a) < exact(b))
    assert not fixed.pair_less(a, a)


@given(pair=PAIRS)
def test_pair_multiplier_keeps_the_value_where_it_can(pair: Pair) -> None:
    mantissa, shift = fixed.pair_multiplier(pair)
    assert 0 <= mantissa < 2**31
    assert 1 <= shift <= 62
    if pair[1] > 30:
        assert (mantissa, shift) == (fixed.INT32_MAX, 1)
    elif pair[1] < -31:
        assert mantissa == 0
    else:
        assert Fraction(mantissa, 2**shift) == exact(pair)


@given(value=st.floats(1e-12, 1e4))
def test_requantize_multiplier_is_tflites_quantize_multiplier(value: float) -> None:
    mantissa, shift = fixed.requantize_multiplier(value)
    fraction, exponent = math.frexp(value)
    expected = math.floor(fraction * 2**31 + 0.5)
    if exponent < -31:
        assert (mantissa, shift) == (0, 0)
    elif expected == 2**31:
        assert (mantissa, shift) == (2**30, exponent + 1)
    else:
        assert (mantissa, shift) == (expected, exponent)


# -- logarithm -------------------------------------------------------------------------------------


def test_log2_is_within_6_lsb() -> None:
    inputs = log2_inputs()
    found = fixed.log2_q16(np.array(inputs, np.int64))
    errors = [abs(int(f) - math.log2(x) * 65536) for f, x in zip(found, inputs, strict=True)]
    assert max(errors) <= 6


def test_log2_is_exact_at_powers_of_two_and_monotone() -> None:
    assert [int(fixed.log2_q16(2**k)) for k in range(63)] == [k << 16 for k in range(63)]
    steps = np.diff(fixed.log2_q16(np.arange(1, 300_000)))
    assert steps.min() >= 0


def test_constants_are_what_their_names_say() -> None:
    assert round(math.log(2) * 65536) == fixed.LN2_Q16
    assert len(fixed.LOG2_TABLE) == 2**fixed.LOG2_BITS + 1


# -- random numbers --------------------------------------------------------------------------------


def test_random_numbers_are_locked() -> None:
    assert fixed.key(1, 2, 3) == 0xA6FDE042
    assert fixed.random32(fixed.key(1, 2, 3), np.arange(4)).tolist() == [
        2853761724,
        576808488,
        1537177169,
        2872740454,
    ]
    assert fixed.random16(7, 5).tolist() == [41446, 38027, 43995, 16345, 14027]


def test_random_numbers_do_not_depend_on_the_order() -> None:
    key = fixed.key(5, 6, 7)
    forward = fixed.random32(key, np.arange(1000))
    assert np.array_equal(fixed.random32(key, np.arange(1000)[::-1]), forward[::-1])
    assert int(fixed.random32(key, 321)) == forward[321]
    assert np.array_equal(fixed.random16(key, 7), fixed.random16(key, 1000)[:7])


@pytest.mark.parametrize("seed", [0, 1, -1])
def test_random_numbers_are_uniform(seed: int) -> None:
    count, bins = 1 << 16, 256
    numbers = fixed.random16(fixed.key(seed, 11, 13), count)
    for bits in (numbers >> 8, numbers & 0xFF):
        counts = np.bincount(bits, minlength=bins)
        chi_square = float(((counts - count / bins) ** 2).sum() * bins / count)
        assert 150 < chi_square < 370  # 255 degrees of freedom: five standard deviations


def test_keys_tell_seed_step_and_tag_apart() -> None:
    keys = {fixed.key(a, b, c) for a in range(20) for b in range(20) for c in range(20)}
    assert len(keys) == 8000
    streams = [fixed.random16(fixed.key(1, step, 1), 4096) for step in (0, 1)]
    assert abs(np.corrcoef(streams)[0, 1]) < 0.08


@given(value=UINT32)
def test_mix32_is_lowbias32(value: int) -> None:
    x = value
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = (x ^ (x >> shift)) * factor % 2**32
    assert int(fixed.mix32(value)) == x ^ (x >> 16)


def test_mix32_is_a_bijection_on_any_range() -> None:
    count = 1 << 18
    for start in (0, 2**32 - count):
        assert np.unique(fixed.mix32(np.arange(start, start + count))).size == count
