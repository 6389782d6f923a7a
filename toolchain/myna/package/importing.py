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
from myna.package.calibration import save_calibration
from myna.package.channels import Fitted, rescale_channels
from myna.package.example_file import FIX, ExampleFile
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
        features, labels = ExampleFile(request.examples, model).quantized(quant)
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
            fix=f"name them: --calibration FILE.npz; {FIX}",
        )
    model = read_keras(path, request.name, request.labels)
    if request.reconstruct:
        model = replace(model, labels=(), loss="reconstruct")
    model = replace(model, audio=dict(request.front_end or {}))
    check_model(model, path)
    examples = ExampleFile(request.examples, model, reads_floats=not model.audio)
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
