# SPDX-License-Identifier: Apache-2.0
"""The code in a model's folder: kept as it is, refused if it is none for the model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from myna.errors import MynaError
from myna.ir import Array
from myna.package.code import load_code, save_code

ROWS = np.array([[1, -1, 1], [-1, -1, 1]], np.int8)


def test_a_code_is_kept(tmp_path: Path) -> None:
    assert load_code(tmp_path, "codeword", 3) is None
    save_code(ROWS, tmp_path)
    found = load_code(tmp_path, "codeword", 3)
    assert found is not None
    assert np.array_equal(found, ROWS)


@pytest.mark.parametrize(
    ("rows", "loss", "problem"),
    [
        (ROWS[:, :2], "codeword", "is no code for 3 outputs"),
        (ROWS[:0], "codeword", "is no code"),
        (ROWS[0], "codeword", "is no code"),
        (np.tile(ROWS, (13, 1)), "codeword", "is no code"),
        (ROWS.astype(np.int32), "codeword", "is no code"),
        (ROWS, "classify", "is no code"),
        (ROWS // 2, "codeword", "other values than -1 and 1"),
        (np.full((2, 3), -128, np.int8), "codeword", "other values than -1 and 1"),
    ],
)
def test_what_is_no_code_of_the_model_is_refused(
    rows: Array, loss: str, problem: str, tmp_path: Path
) -> None:
    save_code(rows, tmp_path)
    with pytest.raises(MynaError, match=problem):
        load_code(tmp_path, loss, 3)
