# SPDX-License-Identifier: Apache-2.0
"""What a model makes of speech in which no word is: ``models/<name>/negatives.npz``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from myna.errors import MynaError
from myna.files import read_arrays, write_arrays

NEGATIVES = "negatives.npz"
FIX = "make the file again with `myna negatives`, or remove it"


@dataclass(frozen=True)
class StoredNegatives:
    """Stored negatives.

    Attributes:
        foils: directions that embeddings of any speech have, int8 [n, inputs of the head].
        levels: embeddings of every `detect.STRIDE`-th decision, without their zero point, in
            `step`s, int8 [m, inputs].
        step: 1 … 127.
    """

    foils: npt.NDArray[np.int8]
    levels: npt.NDArray[np.int8]
    step: int

    @property
    def stream(self) -> npt.NDArray[np.int16]:
        """Embeddings of every `detect.STRIDE`-th decision, as near as they are stored."""
        return np.asarray(self.levels * np.int16(self.step))

    def save(self, folder: Path) -> None:
        """Write negatives.npz."""
        step = np.int8(self.step)
        write_arrays(folder / NEGATIVES, foils=self.foils, levels=self.levels, step=step)


def load_negatives(folder: Path, inputs: int) -> StoredNegatives:
    """Read negatives.npz; nothing is stored where a folder has none.

    Raises:
        MynaError: the file is damaged, or of another network.
    """
    path = folder / NEGATIVES
    if not path.exists():
        nothing = np.zeros((0, inputs), np.int8)
        return StoredNegatives(nothing, nothing, 1)
    arrays = read_arrays(path, fix=FIX)
    shapes = {name: array.shape[1:] if array.ndim else None for name, array in arrays.items()}
    if shapes != {"foils": (inputs,), "levels": (inputs,), "step": None} or any(
        array.dtype != np.int8 for array in arrays.values()
    ):
        raise MynaError(f"does not fit embeddings of {inputs}", where=str(path), fix=FIX)
    return StoredNegatives(arrays["foils"], arrays["levels"], int(arrays["step"]))
