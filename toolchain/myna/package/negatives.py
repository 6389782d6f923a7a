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
        stream: embeddings of decisions in a row, without their zero point, int16 [m, inputs].
    """

    foils: npt.NDArray[np.int8]
    stream: npt.NDArray[np.int16]

    def save(self, folder: Path) -> None:
        """Write negatives.npz."""
        write_arrays(folder / NEGATIVES, foils=self.foils, stream=self.stream)


def load_negatives(folder: Path, inputs: int) -> StoredNegatives:
    """Read negatives.npz; nothing is stored where a folder has none.

    Raises:
        MynaError: the file is damaged, or of another network.
    """
    path = folder / NEGATIVES
    if not path.exists():
        return StoredNegatives(np.zeros((0, inputs), np.int8), np.zeros((0, inputs), np.int16))
    arrays = read_arrays(path, fix=FIX)
    kinds = {"foils": np.int8, "stream": np.int16}
    if any(
        name not in arrays or arrays[name].dtype != kind or arrays[name].shape[1:] != (inputs,)
        for name, kind in kinds.items()
    ):
        raise MynaError(f"does not fit embeddings of {inputs}", where=str(path), fix=FIX)
    return StoredNegatives(arrays["foils"], arrays["stream"])
