# SPDX-License-Identifier: Apache-2.0
"""The arithmetic in C equals the specification over tens of thousands of random operands.

A wrong rounding of a quotient shows in a quarter of all pairs; a hundred examples may miss it.
"""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest
from myna import fixed
from myna.device.target import PROJECT
from myna.ir import Array

FIRMWARE = PROJECT / "firmware"
COUNT = 40_000
EDGES = (2**30, 2**30 + 1, 2**31 - 1, 2**31 - 2)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    library = tmp_path_factory.mktemp("sweep") / "sweep.so"
    sources = [Path(__file__).with_name("fixed_sweep.c"), FIRMWARE / "kernels" / "fixed.c"]
    flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-shared", "-fPIC"]
    command = ["gcc", *flags, f"-I{FIRMWARE}", *map(str, sources), "-o", str(library)]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


def at(array: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def pairs(rng: np.random.Generator) -> Array:
    """Mantissas of all sizes, edges among them, and zeros; int32 [COUNT, 2]."""
    mantissas = rng.integers(2**30, 2**31, COUNT)
    edge = rng.random(COUNT) < 0.1
    mantissas[edge] = rng.choice(EDGES, int(edge.sum()))
    return np.column_stack([mantissas, rng.integers(-45, 46, COUNT)]).astype(np.int32)


def test_pairs(swept: ctypes.CDLL) -> None:
    rng = np.random.default_rng(1)
    a, b = pairs(rng), pairs(rng)
    a[rng.random(COUNT) < 0.01] = 0
    found = np.zeros((COUNT, 7), np.int32)
    swept.sweep_pairs(at(a), at(b), ctypes.c_uint32(COUNT), at(found))
    expected = [
        (
            *fixed.pair_mul(x, y),
            *fixed.pair_div(x, y),
            fixed.pair_less(x, y),
            *fixed.pair_multiplier(x),
        )
        for x, y in zip(map(tuple, a.tolist()), map(tuple, b.tolist()), strict=True)
    ]
    np.testing.assert_array_equal(found, np.array(expected, np.int64))


def test_scales(swept: ctypes.CDLL) -> None:
    rng = np.random.default_rng(2)
    x = rng.integers(-(2**31), 2**31, COUNT) >> rng.integers(0, 31, COUNT)
    mantissa, shift = pairs(rng)[:, 0].copy(), rng.integers(1, 63, COUNT).astype(np.int32)
    x = x.astype(np.int32)
    scaled, requantized = np.zeros((2, COUNT), np.int32)
    swept.sweep_scales(
        at(x), at(mantissa), at(shift), ctypes.c_uint32(COUNT), at(scaled), at(requantized)
    )
    np.testing.assert_array_equal(scaled, fixed.scale32(x, mantissa, shift))
    small, right = (x >> 2).astype(np.int64), -(shift >> 1).astype(np.int64)
    np.testing.assert_array_equal(requantized, fixed.requantize(small, mantissa, right))


def test_integers(swept: ctypes.CDLL) -> None:
    rng = np.random.default_rng(3)
    x = (rng.integers(-(2**46), 2**46, COUNT) >> rng.integers(0, 46, COUNT)).astype(np.int64)
    by = np.maximum(np.abs(x) >> 30, rng.integers(1, 2**20, COUNT)).astype(np.uint32)
    quotient, log2 = np.zeros((2, COUNT), np.int32)
    from_int = np.zeros((COUNT, 2), np.int32)
    swept.sweep_integers(
        at(x), at(by), ctypes.c_uint32(COUNT), at(quotient), at(log2), at(from_int)
    )
    np.testing.assert_array_equal(quotient, fixed.divide(x, by.astype(np.int64)))
    size = np.abs(x)
    np.testing.assert_array_equal(log2, fixed.log2_q16(size + 1))
    ints = [fixed.pair_from_int(int(value) & 0x7FFFFFFF) for value in size]
    np.testing.assert_array_equal(from_int, np.array(ints, np.int64))
