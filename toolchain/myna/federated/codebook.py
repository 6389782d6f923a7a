# SPDX-License-Identifier: Apache-2.0
"""Codewords of BCH codes: far from each other, so that users need not know each other's.

The codes are those of `galois`, an extra that only this module loads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from myna.errors import MynaError, install
from myna.passes.training.user import drawn_codewords

# Length: information bits, of which there are as many as leave codewords a third of the length and
# more apart (23 of 63, 55 of 127, 119 of 255 bits).
CODES: Mapping[int, int] = {63: 16, 127: 15, 255: 13}


def codewords(length: int, count: int, seed: int) -> npt.NDArray[np.int8]:
    """Different codewords, int8 [count, length] of -1 and 1, drawn by a seed.

    Raises:
        MynaError: there is no such code, it has too few words, or `galois` is not installed.
    """
    return drawn_codewords(code(length), count, seed)


def code(length: int) -> npt.NDArray[np.int8]:
    """The rows of a code, int8 [information bits, length] of -1 and 1; products are its words.

    Raises:
        MynaError: there is no such code, or `galois` is not installed.
    """
    if length not in CODES:
        raise MynaError(
            f"no code gives codewords of length {length}",
            where="code book",
            fix=f"choose a length of {', '.join(map(str, CODES))}",
        )
    galois, bits = _library(), CODES[length]
    words = galois.BCH(length, bits).encode(galois.GF2(np.eye(bits, dtype=np.uint8)))
    return (1 - 2 * np.asarray(words, np.int8)).astype(np.int8)


def _library() -> Any:
    try:
        import galois  # noqa: PLC0415  takes seconds, and is an extra
    except ImportError as error:
        raise MynaError(
            f"galois cannot be used ({error})", where="code book", fix=install("verification")
        ) from error
    return galois
