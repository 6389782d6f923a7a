# SPDX-License-Identifier: Apache-2.0
"""What a model makes of speech in which no word is: ``models/<name>/negatives.npz``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from myna.errors import MynaError
from myna.files import read_arrays, write_arrays
from myna.learn.detect import UNIT

NEGATIVES = "negatives.npz"
EMPTY = np.zeros(0)
LONGEST = 2**0.5 * UNIT  # of a direction, with what rounding adds; so firmware/runtime/templates.c
FIX = "make the file again with `myna negatives`, or remove it"


@dataclass(frozen=True)
class StoredNegatives:
    """Stored negatives.

    Attributes:
        foils: directions that embeddings of any speech have, int8 [n, inputs of the head].
        levels: embeddings of every `detect.STRIDE`-th decision, without their zero point, in
            `step`s, int8 [m, inputs].
        step: 1 … 127.
        body: `QuantizedModel.body_digest` of the network that heard it.
    """

    foils: npt.NDArray[np.int8]
    levels: npt.NDArray[np.int8]
    step: int
    body: int

    @property
    def stream(self) -> npt.NDArray[np.int16]:
        """Embeddings of every `detect.STRIDE`-th decision, as near as they are stored."""
        return np.asarray(self.levels * np.int16(self.step))

    def save(self, folder: Path) -> None:
        """Write negatives.npz, an input's levels in a row: so they compress by a third more."""
        step, by_input = np.int8(self.step), np.ascontiguousarray(self.levels.T)
        path, body = folder / NEGATIVES, np.uint32(self.body)
        write_arrays(path, foils=self.foils, by_input=by_input, step=step, body=body)


def load_negatives(folder: Path, inputs: int, body: int) -> StoredNegatives:
    """Read negatives.npz; nothing is stored where a folder has none.

    Args:
        folder: of the model.
        inputs: of its head.
        body: its `QuantizedModel.body_digest`.

    Raises:
        MynaError: the file is damaged, holds what cannot be, or is of another network.
    """
    path = folder / NEGATIVES
    if not path.exists():
        nothing = np.zeros((0, inputs), np.int8)
        return StoredNegatives(nothing, nothing, 1, body)
    arrays = read_arrays(path, fix=FIX)
    foils, by_input, step = (arrays.get(name, EMPTY) for name in ("foils", "by_input", "step"))
    shapes = foils.shape[1:], by_input.shape[:1], by_input.shape[2:], step.shape
    kinds = {foils.dtype, by_input.dtype, step.dtype}
    if (
        by_input.ndim != 2
        or shapes != ((inputs,), (inputs,), (), ())
        or kinds != {np.dtype(np.int8)}
    ):
        raise MynaError(f"does not fit embeddings of {inputs}", where=str(path), fix=FIX)
    if arrays.get("body", EMPTY).tolist() != body:
        raise MynaError("is of another network than int8.npz", where=str(path), fix=FIX)
    lengths = np.linalg.norm(foils.astype(np.int64), axis=1)
    if step < 1 or (lengths > LONGEST).any():
        raise MynaError("holds values that cannot be", where=str(path), fix=FIX)
    return StoredNegatives(foils, by_input.T, int(step), body)
