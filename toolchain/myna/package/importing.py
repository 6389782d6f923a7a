# SPDX-License-Identifier: Apache-2.0
"""A network from elsewhere as a model's folder, which every command then takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from myna.audio.config import AudioConfig
from myna.errors import MynaError
from myna.files import whole_folder
from myna.formats.tflite_import import convert
from myna.frontend.model import FloatModel, check_model, save_architecture, save_model
from myna.ir import Array, Quant
from myna.package.calibration import read_arrays, save_calibration
from myna.package.channels import Fitted, rescale_channels
from myna.package.inversion import invert
from myna.package.package import (
    CLASSES,
    CONTRIBUTIONS,
    Package,
    package_of,
    quantize_folder,
    save_package,
)
from myna.passes.lowering.quantize import QuantizedModel, affine, spare_rows
from myna.tflite.metadata import NAME, unpack
from myna.tflite.read import read_file

RANDOM_EXAMPLES = 64
ROUGH = (
    f"without --calibration, gradient ranges come from {RANDOM_EXAMPLES} random inputs, so the "
    "first steps of training are rough"
)
SYNTHESIZED = (
    "without --calibration, what the model knows is rehearsed with synthesized inputs: real ones "
    "keep more of it"
)
OBSOLETE = ("float.npz", CONTRIBUTIONS)  # of the model that was in a folder before
EXAMPLES_FIX = "save arrays `features` [n, inputs] and `labels` [n] with numpy.savez"


@dataclass(frozen=True)
class ImportRequest:
    """What is wanted of a network.

    Attributes:
        name: of the model.
        labels: one per output; None for those in the file, or numbers.
        examples: a file with `features` (int8, or real numbers) and `labels`; None for examples
            of the network's own making.
        classes: rows of the output layer, with room for new words.
        front_end: fields of `AudioConfig`, {} for none; None for what the file says.
        reconstruct: whether training minimizes the error of a reconstructed input.
    """

    name: str
    labels: tuple[str, ...] | None = None
    examples: Path | None = None
    classes: int = CLASSES
    front_end: Mapping[str, Any] | None = None
    reconstruct: bool = False


@dataclass(frozen=True)
class Imported:
    """A model whose folder was written, and what its user should know about it."""

    package: Package
    notes: tuple[str, ...] = ()


def import_tflite(path: Path, request: ImportRequest, folder: Path) -> Imported:
    """Write the folder of a network that is int8 already.

    Raises:
        MynaError: the file, its network or the examples are not what they must be.
    """
    fitted = _network(path, request)
    quantized, model, notes = fitted.model, fitted.model.model, []
    quant = quantized.quants[model.input_name]
    if request.examples:
        features, labels = _Examples(request.examples, model).quantized(quant)
    else:
        features, labels, note = _own_examples(quantized)
        notes.append(note)
    if fitted.rounded:
        notes.append(f"outputs may differ by one step in channels {', '.join(fitted.rounded)}")
    package = package_of(quantized, features, labels)
    with whole_folder(folder, OBSOLETE) as draft:
        save_architecture(model, draft)
        save_calibration(draft, features, labels, quant)
        save_package(package, draft)
    return Imported(package, tuple(notes))


def import_keras(path: Path, request: ImportRequest, folder: Path) -> Imported:
    """Write the folder of a float network, quantized over the examples.

    Raises:
        MynaError: the file, its network or the examples are not what they must be.
    """
    from myna.formats.keras_import import read_keras  # noqa: PLC0415 - it imports TensorFlow

    if request.examples is None:
        raise MynaError(
            "is a float network: it is quantized over examples",
            where=str(path),
            fix=f"name them: --calibration FILE.npz; {EXAMPLES_FIX}",
        )
    model = read_keras(path, request.name, request.labels)
    if request.reconstruct:
        model = replace(model, labels=(), loss="reconstruct")
    model = replace(model, audio=dict(request.front_end or {}))
    check_model(model, path)
    examples = _Examples(request.examples, model, reads_floats=not model.audio)
    if model.audio:
        quant = Quant((float(np.float32(_audio(model, path).scale)),), 0)
    else:
        low, high = (float(bound) for bound in (examples.features.min(), examples.features.max()))
        quant = affine(min(low, 0.0), max(high, 0.0))
    _check_front_end(model, quant, path)
    features, labels = examples.quantized(quant)
    with whole_folder(folder, OBSOLETE) as draft:
        save_model(model, draft)
        save_calibration(draft, features, labels, quant)
        return Imported(quantize_folder(draft, max(request.classes, len(model.labels))))


def _network(path: Path, request: ImportRequest) -> Fitted:
    """The network of a .tflite file, with its front end and rows for new classes."""
    file = read_file(path)
    said = unpack(file.metadata[NAME], file.where) if NAME in file.metadata else None
    labels, audio, reconstruct = request.labels, request.front_end, request.reconstruct
    if said:  # it was exported by Myna
        labels = said.labels if labels is None else labels
        audio = said.audio if audio is None else audio
        reconstruct = reconstruct or not said.labels
    loss = "reconstruct" if reconstruct else "classify"
    quantized = convert(file, request.name, labels, audio or {}, loss)
    _check_front_end(quantized.model, quantized.quants[quantized.model.input_name], path)
    fitted = rescale_channels(quantized)
    if reconstruct:
        return fitted
    return replace(fitted, model=_with_rows(fitted.model, request.classes))


def _check_front_end(model: FloatModel, quant: Quant, path: Path) -> None:
    """Whether the network reads what its front end makes."""
    if not model.audio:
        return
    audio = _audio(model, path)
    made = (audio.frames, audio.features, 1), float(np.float32(audio.scale)), 0
    read = model.input_shape, quant.scale[0], quant.zero_point
    if made != read:
        raise MynaError(
            "reads shape {}, scale {:g} and zero point {}, but the front end makes "
            "{}, {:g} and {}".format(*read, *made),
            where=str(path),
            fix="train the network on features of this front end, or say --front-end none",
        )


def _audio(model: FloatModel, path: Path) -> AudioConfig:
    try:
        return AudioConfig.from_json(model.audio)
    except (TypeError, ValueError, AttributeError) as error:
        raise MynaError(
            f"describes no front end ({error})", where=str(path), fix="say --front-end none"
        ) from error


def _with_rows(quantized: QuantizedModel, classes: int) -> QuantizedModel:
    """The same with so many rows of its output layer, or as many as it has."""
    q, output = quantized, quantized.model.output
    parts = q.weights[output], q.biases[output], q.scales[output]
    return q.with_output(*spare_rows(*parts, max(classes, len(parts[0]))))


class _Examples:
    """What a file of examples holds for a network.

    Args:
        path: of the file.
        model: what reads them.
        reads_floats: numbers of any type are what the network is given, as no front end makes them.
            Otherwise int8 is quantized already.

    Attributes:
        features: int8, quantized, or real numbers [n, *input_shape].
    """

    def __init__(self, path: Path, model: FloatModel, *, reads_floats: bool = False) -> None:
        self._path, self._model, arrays = path, model, read_arrays(path)
        self._reads_floats = reads_floats
        self.features = self._checked(arrays.get("features", np.zeros(0)))
        self._labels = arrays.get("labels", np.zeros(0))

    def _checked(self, features: Array) -> Array:
        shape = self._model.input_shape
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

    def quantized(self, quant: Quant) -> tuple[Array, Array]:
        """Features int8 [n, *input_shape] and labels int32 [n]."""
        features, labels, classes = self.features, self._labels, len(self._model.labels)
        if features.dtype != np.int8:
            steps = np.rint(features / np.float64(quant.scale[0])) + quant.zero_point
            features = np.clip(steps, -128, 127).astype(np.int8)
        if self._model.loss == "reconstruct":
            return features, np.zeros(len(features), np.int32)
        whole = labels.shape == (len(features),) and np.issubdtype(labels.dtype, np.integer)
        if not (whole and labels.min() >= 0 and labels.max() < classes):
            raise self._fail(
                f"has no label from 0 to {classes - 1} for each of its {len(features)} examples"
            )
        return features, labels.astype(np.int32)

    def _fail(self, what: str) -> MynaError:
        return MynaError(what, where=str(self._path), fix=EXAMPLES_FIX)


def _own_examples(quantized: QuantizedModel) -> tuple[Array, Array, str]:
    """Examples of the network's own making, their labels, and what they lack."""
    model = quantized.model
    if model.loss == "classify":
        features, labels = invert(quantized)
        missing = [name for i, name in enumerate(model.labels) if i not in labels]
        lacking = f"; none was found for {', '.join(missing)}" if missing else ""
        return features, labels, SYNTHESIZED + lacking
    rng = np.random.default_rng(0)
    features = rng.integers(-128, 128, (RANDOM_EXAMPLES, *model.input_shape)).astype(np.int8)
    return features, np.zeros(len(features), np.int32), ROUGH
