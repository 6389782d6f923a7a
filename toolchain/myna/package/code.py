# SPDX-License-Identifier: Apache-2.0
"""The code of which a board draws its user's codeword: ``code.npz`` in a model's folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from myna.errors import MynaError
from myna.files import read_arrays, write_arrays
from myna.ir import Array

CODE_FILE = "code.npz"
MAX_BITS = 24  # of a number: what fits a board's random one
FIX = "make the model again with `myna verifier`"


def save_code(rows: Array, folder: Path) -> None:
    """Write ``code.npz``: rows int8 [bits, length] of -1 and 1, whose products are the words."""
    write_arrays(folder / CODE_FILE, rows=rows)


def load_code(folder: Path, loss: str, outputs: int) -> Array | None:
    """Read ``code.npz``, int8 [bits, outputs]; None if a model's folder has none.

    Raises:
        MynaError: it is damaged, or does not fit the model.
    """
    path = folder / CODE_FILE
    if not path.exists():
        return None
    rows = read_arrays(path, fix=FIX).get("rows", np.zeros(0))
    fits = loss == "codeword" and rows.ndim == 2 and rows.shape[1] == outputs
    if not fits or not 1 <= len(rows) <= MAX_BITS or rows.dtype != np.int8:
        raise MynaError(f"is no code for {outputs} outputs", where=str(path), fix=FIX)
    if not (np.abs(rows.astype(int)) == 1).all():
        raise MynaError("holds other values than -1 and 1", where=str(path), fix=FIX)
    return rows
