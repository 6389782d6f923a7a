# SPDX-License-Identifier: Apache-2.0
"""Codewords: different, far from each other, and the same for the same seed."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from myna.errors import MynaError
from myna.federated.codebook import CODES, code, codewords
from myna.passes.training.user import codeword_of

DISTANCE = {63: 23, 127: 55, 255: 119}  # of the codes, by their tables


@pytest.mark.parametrize("length", DISTANCE)
def test_codewords_are_as_far_apart_as_the_code_promises(length: int) -> None:
    pytest.importorskip("galois")
    words = codewords(length, 200, 1)
    assert words.dtype == np.int8
    assert set(np.unique(words)) == {-1, 1}
    differ = (length - words.astype(int) @ words.T.astype(int)) // 2
    assert (differ + length * np.eye(200, dtype=int)).min() >= DISTANCE[length]
    assert np.array_equal(words, codewords(length, 200, 1))
    assert not np.array_equal(words, codewords(length, 200, 2))


def test_products_of_the_rows_are_what_the_library_encodes() -> None:
    galois = pytest.importorskip("galois")
    rows, number = code(63), 0b1011000111010010
    message = number >> np.arange(CODES[63]) & 1
    encoded = np.asarray(galois.BCH(63, CODES[63]).encode(galois.GF2(message.astype(np.uint8))))
    assert np.array_equal(codeword_of(rows, number), 1 - 2 * encoded.astype(int))


@pytest.mark.parametrize(("length", "count"), [(64, 2), (255, 1 + (1 << 13))])
def test_what_no_code_gives_is_refused(length: int, count: int) -> None:
    with pytest.raises(MynaError, match="no code gives"):
        codewords(length, count, 1)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "galois", None)
    with pytest.raises(MynaError, match="galois") as error:
        codewords(63, 2, 1)
    assert "verification" in error.value.fix
