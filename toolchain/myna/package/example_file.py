# SPDX-License-Identifier: Apache-2.0
"""Examples of one's own, ``FILE.npz``: what `import --calibration` and other commands take."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from myna.errors import MynaError
from myna.files import read_arrays
from myna.frontend.model import FloatModel, load_architecture
from myna.ir import Array, Quant
from myna.package.calibration import input_quant

SUFFIX = ".npz"
FIX = "save arrays `features` [n, inputs] and `labels` [n] with numpy.savez"
MOST_BEYOND = 0.25  # of the features; those of a new class may be larger than any before
# of a float network; int8 features without it are quantized already
FLOATS = "float.npz"


class ExampleFile:
    """What a file of examples holds for a network: ``features``, and mostly ``labels``.

    Args:
        path: of the file.
        model: what reads them.
        reads_floats: numbers of any type are what the network is given, as no front end makes them.
            Otherwise int8 is quantized already.

    Attributes:
        features: int8, quantized, or real numbers [n, *input_shape].
        labels: [n], unchecked; empty if the file holds none.

    Raises:
        MynaError: the file is damaged, or holds no features that the network reads.
    """

    def __init__(self, path: Path, model: FloatModel, *, reads_floats: bool = False) -> None:
        self._path, self._model, arrays = path, model, read_arrays(path, fix=FIX)
        self._reads_floats = reads_floats
        self.features = self._checked(arrays.get("features"))
        self.labels = arrays.get("labels", np.zeros(0))

    def _checked(self, features: Array | None) -> Array:
        shape = self._model.input_shape
        if features is None:
            raise self._fail("holds no array `features`")
        count = len(features) if features.ndim else 0
        if not count or features.size != count * np.prod(shape):
            raise self._fail(
                f"has features of shape {list(features.shape)}, the network reads {list(shape)}"
            )
        features = features.reshape(count, *shape)
        if self._reads_floats and np.issubdtype(features.dtype, np.integer):
            return features.astype(np.float64)
        if features.dtype != np.int8 and not (
            np.issubdtype(features.dtype, np.floating) and np.isfinite(features).all()
        ):
            raise self._fail("its features are not int8, nor finite")
        return features

    def inputs(self, quant: Quant) -> Array:
        """Features as the network reads them, int8 [n, *input_shape].

        Raises:
            MynaError: many are beyond what it reads, as numbers of another unit are.
        """
        if self.features.dtype == np.int8:
            return self.features
        steps = np.rint(self.features / np.float64(quant.scale[0])) + quant.zero_point
        beyond = float(np.mean((steps < -128) | (steps > 127)))
        if beyond > MOST_BEYOND:
            low, high = (np.float64(quant.scale[0]) * (q - quant.zero_point) for q in (-128, 127))
            raise MynaError(
                f"{100 * beyond:.0f} % of its features are beyond what the network reads, "
                f"{low:.3g} to {high:.3g}",
                where=str(self._path),
                fix="save features in the unit of those that the network was imported with",
            )
        quantized: Array = np.clip(steps, -128, 127).astype(np.int8)
        return quantized

    def quantized(self, quant: Quant) -> tuple[Array, Array]:
        """Features int8 [n, *input_shape] and labels int32 [n].

        Raises:
            MynaError: not every example has the label of a class.
        """
        features, labels, classes = self.inputs(quant), self.labels, len(self._model.labels)
        if self._model.loss != "classify":
            return features, np.zeros(len(features), np.int32)
        whole = labels.shape == (len(features),) and np.issubdtype(labels.dtype, np.integer)
        if not (whole and labels.min() >= 0 and labels.max() < classes):
            raise self._fail(
                f"has no label from 0 to {classes - 1} for each of its {len(features)} examples"
            )
        return features, labels.astype(np.int32)

    def _fail(self, what: str) -> MynaError:
        return MynaError(what, where=str(self._path), fix=FIX)


def open_examples(path: Path, folder: Path) -> tuple[ExampleFile, Quant]:
    """Examples for the network of a model's folder, read as they were when it was imported.

    Returns:
        the examples, and what the network's int8 features mean.

    Raises:
        MynaError: the file or the folder is missing or damaged, or they do not fit.
    """
    model = load_architecture(folder)
    reads_floats = not model.audio and (folder / FLOATS).exists()
    return ExampleFile(path, model, reads_floats=reads_floats), input_quant(model, folder)
