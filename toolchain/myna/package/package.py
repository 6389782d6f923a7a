# SPDX-License-Identifier: Apache-2.0
"""The committed int8 form of a model, ``models/<name>/int8.npz``, and how it is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from myna.audio.config import AudioConfig
from myna.errors import MynaError
from myna.files import read_arrays, write_arrays
from myna.frontend.model import FloatModel, load_architecture, load_model, shapes
from myna.ir import Array, Quant
from myna.package.calibration import audio_of, input_quant, load_calibration
from myna.package.code import load_code
from myna.package.misfit import is_positive, misfit
from myna.package.voice import load_projection
from myna.passes.lowering.calibrate import activation_ranges
from myna.passes.lowering.lower import lower
from myna.passes.lowering.quantize import QuantizedModel, quantize
from myna.passes.pipeline import Knowledge, training_graph
from myna.passes.training.hindsight import RangeMode, calibrate
from myna.passes.training.imprint import Prior, has_head, measure
from myna.passes.training.owner import Projection
from myna.passes.training.replay import Memories, take_turns
from myna.passes.training.select import MEASURED, Contribution, Contributions

CLASSES = 32  # rows of the output layer: the model's own classes and room for new words
GRADIENT_SAMPLES = 48
RANGE_MODES = (RangeMode.RELATIVE, RangeMode.PLAIN)
CONTRIBUTIONS = "contributions.json"


@dataclass(frozen=True)
class Package:
    """A quantized model, its first gradient ranges per range mode, and what it knew.

    Attributes:
        knowledge: None if it does not classify, or its logits are not made by a dense layer.
        contributions: of its layers to learning, if they were measured, and
        measured_on: on which speakers.
        projection: what tells voices apart, if voice.npz is in the folder.
        code: int8 [bits, outputs] of which codewords are drawn, if code.npz is in the folder.
    """

    model: QuantizedModel
    ranges: Mapping[RangeMode, Mapping[str, float]]
    knowledge: Knowledge | None
    contributions: Contributions | None = None
    measured_on: frozenset[str] = frozenset()
    projection: Projection | None = None
    code: Array | None = None

    @property
    def audio(self) -> AudioConfig | None:
        """The front end; None if the model hears nothing."""
        return audio_of(self.model.model)

    @property
    def has_front_end(self) -> bool:
        """Whether it makes features of sound itself."""
        return self.audio is not None

    @property
    def front_end(self) -> AudioConfig:
        """The front end of a model that hears.

        Raises:
            MynaError: it has none.
        """
        return AudioConfig.from_json(self.model.model.audio)

    @property
    def known(self) -> Knowledge:
        """What the model knew, where that is needed.

        Raises:
            MynaError: it knew nothing.
        """
        if self.knowledge is None:
            raise MynaError(
                "does not know any classes",
                where=f"model {self.model.model.name}",
                fix="use a model that classifies, with a dense layer at its end",
            )
        return self.knowledge

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names."""
        return self.model.model.labels

    @property
    def rows(self) -> int:
        """Rows of the output layer: classes in use and free ones; none if it does not classify."""
        model = self.model.model
        return len(self.model.biases.get(model.output, model.labels)) if model.labels else 0

    def ranges_of(self, mode: RangeMode) -> Mapping[str, float]:
        """The first gradient ranges for a mode; dynamic ones need none, and get the relative."""
        return self.ranges[RangeMode.PLAIN if mode is RangeMode.PLAIN else RangeMode.RELATIVE]

    def measured_for(self, plan: str) -> frozenset[str]:
        """Speakers by whose contributions a plan is chosen; nobody if it asks for none."""
        return self.measured_on if MEASURED.fullmatch(plan) else frozenset()

    def with_rows(self, rows: int) -> Package:
        """The same with fewer rows of the output layer, if it has more."""
        if self.rows <= rows:
            return self
        q, output = self.model, self.model.model.output
        parts = (arrays[output][:rows] for arrays in (q.weights, q.biases, q.scales))
        return replace(self, model=q.with_output(*parts))


def quantize_folder(folder: Path, classes: int = CLASSES) -> Package:
    """Quantize ``float.npz`` with ``calibration.npz`` and write ``int8.npz``.

    Args:
        folder: a model's folder.
        classes: rows of the output layer, if the model classifies.

    Raises:
        MynaError: a file is missing or wrong.
    """
    model = load_model(folder)
    features, labels = load_calibration(folder)
    quant = input_quant(model, folder)
    inputs = features.reshape(-1, *model.input_shape).astype(np.float64)
    ranges = activation_ranges(model, (inputs - quant.zero_point) * quant.scale[0])
    rows = classes if model.loss == "classify" else shapes(model)[model.output][0]
    package = package_of(quantize(model, ranges, quant, rows), features, labels)
    save_package(package, folder)
    return package


def package_of(quantized: QuantizedModel, features: Array, labels: Array) -> Package:
    """A quantized model with its first gradient ranges and, if it classifies, what it knows.

    Args:
        quantized: of whatever origin.
        features: int8 [n, *input_shape], quantized as the model's input; the audio front end's
            may lack the channel.
        labels: int [n], the class of each; zeros for a model that does not classify.

    Raises:
        MynaError: the model cannot be trained in integers.
    """
    inputs = features.reshape(-1, *quantized.model.input_shape)
    graph = training_graph(quantized, 0.0)
    samples = list(zip(inputs, labels.tolist(), strict=True))[:GRADIENT_SAMPLES]
    found = {mode: calibrate(graph, samples, mode) for mode in RANGE_MODES}
    forward, knowledge = lower(quantized), None
    if quantized.model.loss == "classify" and has_head(forward):
        turns = take_turns(labels.tolist())
        memories = Memories(features[turns], labels[turns].astype(np.int32))
        prior = measure(forward, memories.features, memories.labels)
        knowledge = Knowledge(prior, memories)
    return Package(quantized, found, knowledge)


def save_package(package: Package, folder: Path) -> None:
    """Write ``int8.npz``."""
    q = package.model
    arrays: dict[str, Array] = {}
    for name, quant in q.quants.items():
        arrays[f"scale/{name}"] = np.array(quant.scale, np.float32)
        arrays[f"zero/{name}"] = np.array(quant.zero_point, np.int32)
    for name in q.weights:
        arrays[f"w/{name}"], arrays[f"b/{name}"] = q.weights[name], q.biases[name]
        arrays[f"w_scale/{name}"] = q.scales[name]
    for mode, ranges in package.ranges.items():
        for name, value in ranges.items():
            arrays[f"range/{mode.value}/{name}"] = np.array(value)
    if package.knowledge is not None:
        prior, memories = package.knowledge.prior, package.knowledge.memories
        arrays |= {"memory/features": memories.features, "memory/labels": memories.labels}
        arrays |= {"prior/center": prior.center, "prior/energy": np.array(prior.energy)}
        arrays |= {"prior/norm": np.array(prior.norm), "prior/own": np.array(prior.own)}
    write_arrays(folder / "int8.npz", **arrays)


def load_package(folder: Path) -> Package:
    """Read a model's ``architecture.json`` and ``int8.npz``.

    Raises:
        MynaError: a file is missing, damaged, or does not fit the architecture.
    """
    model, path = load_architecture(folder), folder / "int8.npz"
    fix = "run `myna quantize` on the model's folder, or name another folder"
    arrays = read_arrays(path, fix=fix)
    part = {k: _group(arrays, f"{k}/") for k in ("scale", "zero", "w", "b", "w_scale")}
    if (problem := misfit(model, part)) is not None:
        raise MynaError(
            f"does not fit the architecture: {problem}",
            where=str(path),
            fix="run `myna quantize` on the model's folder",
        )
    quants = {
        name: Quant(tuple(scale.tolist()), int(part["zero"][name]))
        for name, scale in part["scale"].items()
    }
    quantized = QuantizedModel(model, quants, part["w"], part["w_scale"], part["b"])
    ranges = {mode: _ranges(arrays, mode, path) for mode in RANGE_MODES}
    knowledge = _knowledge(model, arrays, path)
    projection = load_projection(folder, model.input_shape)
    code = load_code(folder, model.loss, shapes(model)[model.output][0])
    measured = load_contributions(folder)
    return Package(quantized, ranges, knowledge, *measured, projection, code)


def _ranges(arrays: Mapping[str, Array], mode: RangeMode, path: Path) -> dict[str, float]:
    """The first ranges of a mode, by gradient."""
    found = _group(arrays, f"range/{mode.value}/")
    if bad := [name for name, value in found.items() if value.shape or not is_positive(value)]:
        raise MynaError(
            f"the range of gradient {bad[0]} is no positive number",
            where=str(path),
            fix="run `myna quantize` on the model's folder",
        )
    return {name: float(value) for name, value in found.items()}


def load_contributions(folder: Path) -> tuple[Contributions | None, frozenset[str]]:
    """What `experiments.contributions` found out about a model, and on whom; None if nobody asked.

    Raises:
        MynaError: the file is damaged.
    """
    path = folder / CONTRIBUTIONS
    try:
        record = json.loads(path.read_text("utf-8"))
        layers = {
            name: Contribution(float(entry["gain"]), int(entry["ram"]))
            for name, entry in record["layers"].items()
        }
        return layers, frozenset(map(str, record["speakers"]))
    except FileNotFoundError:
        return None, frozenset()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MynaError(
            f"cannot be read ({error!r})", where=str(path), fix="restore the file, or delete it"
        ) from error


def _knowledge(model: FloatModel, arrays: Mapping[str, Array], path: Path) -> Knowledge | None:
    """What the model knew, from the arrays of ``int8.npz``; None if nothing of it is there."""
    if not any(name.startswith(("prior/", "memory/")) for name in arrays):
        return None
    try:
        prior = Prior(
            arrays["prior/center"].astype(np.int16),
            int(arrays["prior/norm"]),
            int(arrays["prior/own"]),
            float(arrays["prior/energy"]),
        )
        if not prior.energy > 0:
            raise ValueError(f"energy {prior.energy}")
        features, labels = arrays["memory/features"], arrays["memory/labels"].astype(np.int32)
        known = len(labels) and labels.min() >= 0 and labels.max() < len(model.labels)
        fits = known and features.size == len(labels) * np.prod(model.input_shape)
        if features.dtype != np.int8 or features.shape[:1] != labels.shape or not fits:
            raise ValueError(f"memories of shape {features.shape}")
    except (KeyError, ValueError, TypeError) as error:
        raise MynaError(
            f"does not hold what the model knew ({error})",
            where=str(path),
            fix="run `myna quantize` on the model's folder",
        ) from error
    return Knowledge(prior, Memories(features, labels))


def _group(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
