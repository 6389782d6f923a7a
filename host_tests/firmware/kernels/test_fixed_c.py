# SPDX-License-Identifier: Apache-2.0
"""fixed.h equals fixed.py, on random and on extreme numbers, without undefined behaviour."""

from __future__ import annotations

import ctypes
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from myna import fixed
from myna.device.target import PROJECT
from myna.fixed import Pair
from support.numbers import EXTREMES, INT32, MANTISSA, PAIRS, UINT32, log2_inputs

SHIM = """
#include "kernels/fixed.h"
#include "kernels/pairs.h"
int32_t requantize(int32_t x, int32_t m, int32_t s) { return fx_requantize(x, m, s); }
int32_t narrow8(int32_t x) { return fx_narrow8(x); }
int32_t narrow16(int32_t x) { return fx_narrow16(x); }
int32_t scale32(int32_t x, int32_t m, int32_t s) {
    return fx_scale32(x, (struct fx_multiplier){m, s});
}
void pair_from_int(int32_t v, int32_t *out) { store_pair(out, myna_fx_pair_from_int(v)); }
void pair_mul(const int32_t *a, const int32_t *b, int32_t *out) {
    store_pair(out, myna_fx_pair_mul(load_pair(a), load_pair(b)));
}
void pair_div(const int32_t *a, const int32_t *b, int32_t *out) {
    store_pair(out, myna_fx_pair_div(load_pair(a), load_pair(b)));
}
int32_t pair_less(const int32_t *a, const int32_t *b) {
    return myna_fx_pair_less(load_pair(a), load_pair(b));
}
void pair_multiplier(const int32_t *a, int32_t *out) {
    struct fx_multiplier m = myna_fx_pair_multiplier(load_pair(a));
    out[0] = m.mantissa;
    out[1] = m.shift;
}
int32_t log2_q16(uint64_t x) { return myna_fx_log2_q16(x); }
uint32_t mix32(uint32_t x) { return fx_mix32(x); }
uint32_t key(uint32_t seed, uint32_t step, uint32_t tag) { return fx_key(seed, step, tag); }
uint32_t random32(uint32_t key, uint32_t index) { return fx_random32(key, index); }
void inv127(int32_t *out) { out[0] = INV127_MANTISSA; out[1] = INV127_EXPONENT; }
"""
FLAGS = ("-std=c11", "-O1", "-shared", "-fPIC", "-fsanitize=undefined", "-fno-sanitize-recover")
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror")


class Twin:
    """fixed.h through ctypes, compiled so that undefined behaviour ends the process."""

    def __init__(self, library: Path) -> None:
        self._c = ctypes.CDLL(str(library))
        for name in ("mix32", "key", "random32"):
            getattr(self._c, name).restype = ctypes.c_uint32

    def number(self, name: str, *arguments: int) -> int:
        kinds = {"log2_q16": ctypes.c_uint64, **dict.fromkeys(UNSIGNED, ctypes.c_uint32)}
        kind = kinds.get(name, ctypes.c_int32)
        return int(getattr(self._c, name)(*(kind(a) for a in arguments)))

    def pairs(self, name: str, *arguments: Pair | int) -> Any:
        out = (ctypes.c_int32 * 2)()
        converted = [
            (ctypes.c_int32 * 2)(*a) if isinstance(a, tuple) else ctypes.c_int32(a)
            for a in arguments
        ]
        if name == "pair_less":
            return bool(self._c.pair_less(*converted))
        getattr(self._c, name)(*converted, out)
        return tuple(out)


UNSIGNED = ("mix32", "key", "random32")


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Twin:
    folder = tmp_path_factory.mktemp("fixed")
    source, library = folder / "shim.c", folder / "shim.so"
    source.write_text(SHIM)
    firmware = PROJECT / "firmware"
    kernel = firmware / "kernels" / "fixed.c"
    command = ["gcc", *FLAGS, *WARNINGS, f"-I{firmware}", str(source), str(kernel), "-o"]
    subprocess.run([*command, str(library)], check=True)
    return Twin(library)


@settings(max_examples=300)
@given(data=st.data(), mantissa=MANTISSA, shift=st.integers(-31, 14))
def test_c_requantize(twin: Twin, data: st.DataObject, mantissa: int, shift: int) -> None:
    largest = (fixed.SMALL - 1) >> max(shift, 0)
    x = data.draw(st.one_of(st.integers(-largest, largest), st.sampled_from((-largest, largest))))
    expected = int(fixed.requantize(np.array(x), mantissa, shift))
    assert twin.number("requantize", x, mantissa, shift) == expected


@given(x=st.one_of(INT32, st.sampled_from(EXTREMES)))
def test_c_narrowing(twin: Twin, x: int) -> None:
    assert twin.number("narrow8", x) == max(-128, min(127, x))
    assert twin.number("narrow16", x) == max(-32768, min(32767, x))


@settings(max_examples=300)
@given(
    x=st.one_of(INT32, st.sampled_from(EXTREMES)),
    mantissa=st.one_of(st.integers(0, 2**31 - 1), st.just(2**31 - 1)),
    shift=st.integers(1, 62),
)
def test_c_scale32(twin: Twin, x: int, mantissa: int, shift: int) -> None:
    expected = int(fixed.scale32(np.array(x), mantissa, shift))
    assert twin.number("scale32", x, mantissa, shift) == expected


def test_c_at_every_shift(twin: Twin) -> None:
    for x, mantissa in product(EXTREMES, (0, 2**30, 2**31 - 1)):
        for shift in range(1, 63):
            expected = int(fixed.scale32(np.array(x), mantissa, shift))
            assert twin.number("scale32", x, mantissa, shift) == expected
        small = max(1 - fixed.SMALL, min(fixed.SMALL - 1, x))
        for shift in range(-31, 1):
            expected = int(fixed.requantize(np.array(small), mantissa, shift))
            assert twin.number("requantize", small, mantissa, shift) == expected


@given(a=PAIRS, b=PAIRS, value=st.integers(0, 2**31 - 1))
def test_c_pairs(twin: Twin, a: Pair, b: Pair, value: int) -> None:
    assert twin.pairs("pair_mul", a, b) == fixed.pair_mul(a, b)
    if b[0] != 0:
        assert twin.pairs("pair_div", a, b) == fixed.pair_div(a, b)
    assert twin.pairs("pair_less", a, b) == fixed.pair_less(a, b)
    assert twin.pairs("pair_multiplier", a) == fixed.pair_multiplier(a)
    assert twin.pairs("pair_from_int", value) == fixed.pair_from_int(value)


def test_c_log2(twin: Twin) -> None:
    inputs = log2_inputs()[::7]
    expected = fixed.log2_q16(np.array(inputs, np.int64)).tolist()
    assert [twin.number("log2_q16", x) for x in inputs] == expected


@given(a=UINT32, b=UINT32, c=UINT32)
def test_c_random_numbers(twin: Twin, a: int, b: int, c: int) -> None:
    assert twin.number("mix32", a) == int(fixed.mix32(a))
    assert twin.number("key", a, b, c) == fixed.key(a, b, c)
    assert twin.number("random32", a, b) == int(fixed.random32(a, b))


def test_c_constants(twin: Twin) -> None:
    assert twin.pairs("inv127") == fixed.pair_from_float(1 / 127)
