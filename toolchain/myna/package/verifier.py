# SPDX-License-Identifier: Apache-2.0
"""From a model that tells words apart, one that tells its user: first layers kept, a new end.

Deeper layers were trained to hear the same in every voice. The first ones, which every word goes
through, still tell voices apart; their mean over time tells little of the word. It is whitened, as
what varies most in it is the word and the room, and a dense layer learns from the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from myna.errors import MynaError
from myna.frontend.model import FloatModel, Floats, load_model, save_model, shapes, weight_shapes
from myna.ir import Array
from myna.layers.base import Layer
from myna.layers.table import weighted
from myna.package.calibration import input_quant, load_calibration, save_calibration
from myna.package.code import save_code
from myna.package.package import package_of, save_package
from myna.passes.lowering.calibrate import activation_ranges, forward
from myna.passes.lowering.quantize import quantize

VOICE = 96  # values that are told of a voice
SHRINKAGE = 0.02  # of a covariance towards the identity: there are few examples
VOICES = 2.0  # largest magnitude of one: three deviations; what lies beyond is an accident
POOLED, WHITENED, OUTPUT = "pooled", "whitened", "told"


@dataclass(frozen=True)
class Reach:
    """Largest magnitudes at the end, where nothing is learned yet that could say them.

    Attributes:
        output: of what comes out, before `quantize` leaves room.
        weight: of a weight.
    """

    output: float
    weight: float


CODEWORD = Reach(0.85, 0.5)  # with the room, a little beyond 1: what is right saturates
LOGITS = Reach(12.0, 1.0)


def make_verifier(
    source: Path,
    folder: Path,
    outputs: int,
    labels: Sequence[str] = (),
    name: str | None = None,
    code: Array | None = None,
) -> None:
    """Write a model's folder whose first layers are another's, and whose end is yet to learn.

    Args:
        source: the other model's folder, with its calibration set.
        folder: to be written.
        outputs: how many; the length of a codeword, if there are no labels.
        labels: users, one for each output, that a softmax is to tell apart.
        name: of the model; by default the other's.
        code: int8 [bits, outputs] of -1 and 1, of which boards draw codewords; without it there is
            but one, which everybody knows.

    Raises:
        MynaError: the other model does not begin with convolutions, or a file is missing.
    """
    model, (features, words) = load_model(source), load_calibration(source)
    quant = input_quant(model, source)
    inputs = features.reshape(-1, *model.input_shape).astype(np.float64)
    first = _first_layers(model)
    made = replace(
        model,
        name=name or model.name,
        labels=tuple(labels),
        layers=(*first, *_end(model, first, outputs)),
        output=OUTPUT,
        loss="classify" if labels else "codeword",
        softmax=False,
    )
    kept = {name: model.weights[name] for name in weight_shapes(made) if name in model.weights}
    real = (inputs - quant.zero_point) * quant.scale[0]
    matrix, bias = whitening(_pooled(made, kept, real), words)
    weights = kept | {
        f"{WHITENED}/w": matrix,
        f"{WHITENED}/b": bias,
        f"{OUTPUT}/w": np.zeros((matrix.shape[1], outputs), np.float32),
        f"{OUTPUT}/b": np.zeros(outputs, np.float32),
    }
    made = replace(made, weights=weights)
    save_model(made, folder)
    reach = LOGITS if labels else CODEWORD
    ranges = {**activation_ranges(made, real), WHITENED: (-VOICES, VOICES)}
    ranges[OUTPUT] = (-reach.output, reach.output)
    quantized = quantize(made, ranges, quant, outputs)
    parts = quantized.weights[OUTPUT], quantized.biases[OUTPUT]
    scales = np.full(outputs, reach.weight / 127, np.float32)
    package = package_of(quantized.with_output(*parts, scales), features, 0 * words)
    save_package(replace(package, knowledge=None), folder)  # what it knew were words
    save_calibration(folder, features, 0 * words, quant)
    if code is not None:
        save_code(code, folder)


def whitening(x: Floats, classes: Array) -> tuple[Floats, Floats]:
    """A projection after which what differs within classes is of one size in all directions.

    Args:
        x: real numbers [n, inputs].
        classes: int [n]; what they have in common is no difference.

    Returns:
        matrix [inputs, VOICE] of the directions that differ most, and bias [VOICE].
    """
    within = x.astype(np.float64)
    for label in np.unique(classes):
        within[classes == label] -= within[classes == label].mean(0)
    _, sizes, axes = np.linalg.svd(within / np.sqrt(len(x)), full_matrices=False)
    count = min(VOICE, len(sizes))
    variances = sizes[:count] ** 2
    shrunk = (1 - SHRINKAGE) * variances + SHRINKAGE * variances.mean()
    matrix = axes[:count].T / np.sqrt(shrunk)
    return matrix.astype(np.float32), (-x.mean(0) @ matrix).astype(np.float32)


def _first_layers(model: FloatModel) -> tuple[Layer, ...]:
    known = shapes(model)
    first = tuple(
        layer
        for layer in model.layers
        if layer.inputs == (model.input_name,) and weighted(layer) and len(known[layer.name]) == 3
    )
    if not first:
        raise MynaError(
            "does not begin with convolutions, whose means tell voices apart",
            where=f"model {model.name}",
            fix="use a model such as models/kws",
        )
    return first


def _end(model: FloatModel, first: Sequence[Layer], outputs: int) -> tuple[Layer, ...]:
    """Mean over time of each first layer's positive part, whitened, and the outputs."""
    known, layers, means = shapes(model), [], []
    for layer in first:
        high = {"pool": [known[layer.name][0], 1], "strides": [known[layer.name][0], 1]}
        positive, mean = f"{layer.name}_positive", f"{layer.name}_mean"
        layers.append(Layer(positive, "relu", (layer.name,), {}))
        layers.append(Layer(mean, "average_pool", (positive,), high | {"padding": "valid"}))
        means.append(mean)
    if len(means) > 1:
        layers.append(Layer("means", "concat", tuple(means), {}))
        means = ["means"]
    dense = {"activation": "linear"}
    return (
        *layers,
        Layer(POOLED, "flatten", tuple(means), {}),
        Layer(WHITENED, "dense", (POOLED,), {"units": VOICE, **dense}),
        Layer(OUTPUT, "dense", (WHITENED,), {"units": outputs, **dense}),
    )


def _pooled(made: FloatModel, weights: dict[str, Floats], inputs: Array) -> Floats:
    """What is whitened, of real-valued inputs: [n, values]."""
    until = [layer.name for layer in made.layers].index(POOLED) + 1
    part = replace(made, layers=made.layers[:until], output=POOLED, weights=weights)
    return np.array([forward(part, one)[POOLED] for one in inputs])
