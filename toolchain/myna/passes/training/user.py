# SPDX-License-Identifier: Apache-2.0
"""The code of which a board draws its user's codeword."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from myna.errors import MynaError
from myna.ir import Array, Graph, Kind, Tensor
from myna.names import CODE, CODEWORD


def codeword_of(rows: Array, number: int) -> Array:
    """A word of a code, int8 [length]: the product of the rows that the bits of a number take.

    Args:
        rows: int8 [bits, length] of -1 and 1.
        number: below 2^bits; the lowest bit takes the first row.
    """
    taken = number >> np.arange(len(rows)) & 1
    return np.asarray(np.prod(np.where(taken[:, None] == 1, rows, 1), axis=0), np.int8)


def drawn_codewords(rows: Array, count: int, seed: int) -> Array:
    """Different words of a code, int8 [count, length], drawn by a seed, for simulated users.

    Raises:
        MynaError: the code has too few.
    """
    if count > 1 << len(rows):
        raise MynaError(
            f"no code gives {count} codewords of length {rows.shape[1]}",
            where="code book",
            fix="choose a longer code, or fewer users",
        )
    drawn = np.random.default_rng(seed).choice(1 << len(rows), count, replace=False)
    return np.array([codeword_of(rows, number) for number in drawn.tolist()], np.int8)


def known_codeword(rows: Array) -> Array:
    """The codeword of a board that has drawn none, int8 [length]; no user gets it."""
    return codeword_of(rows, (1 << len(rows)) - 1)


def with_code(graph: Graph, rows: Array) -> Graph:
    """The same step, whose codeword is at first the one of the code that everybody knows.

    Args:
        graph: of a loss "codeword".
        rows: int8 [bits, outputs] of -1 and 1.
    """
    known = replace(graph.tensors[CODEWORD], data=known_codeword(rows))
    code = Tensor(CODE, rows.shape, "int8", Kind.CONST, data=rows)
    return graph.with_tensors(known, code)
