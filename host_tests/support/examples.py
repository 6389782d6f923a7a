# SPDX-License-Identifier: Apache-2.0
"""A network around every example of a layer, so that a new kind of layer is tested as it comes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import prod

import numpy as np
from myna.frontend.model import FloatModel, weight_shapes
from myna.ir import Array, Quant
from myna.layers.base import Example, Layer, Shape
from myna.layers.table import LAYERS, output_shape
from myna.passes.lowering.calibrate import activation_ranges
from myna.passes.lowering.quantize import QuantizedModel, quantize

from support.tiny import LABELS, SCALE

TESTED = "tested"  # name of the layer in question
EXAMPLES = {
    f"{op}{number}": (op, example)
    for op, kind in sorted(LAYERS.items())
    for number, example in enumerate(kind.examples())
}


def network(op: str, example: Example) -> FloatModel:
    """One input, a layer that makes each input of the example, the layer, a dense head."""
    first = example.inputs[0]
    flat = len(first) == 1
    shape: Shape = first if flat else (*first[:2], 2)
    layers = [_stem(f"stem{i}", wanted) for i, wanted in enumerate(example.inputs)]
    stems = tuple(layer.name for layer in layers)
    tested = Layer(TESTED, op, stems, example.attrs)
    made = output_shape(tested, example.inputs)
    layers += [tested, Layer("read", "relu" if op == "couple" else "linear", (TESTED,))]
    if len(made) > 1:
        layers.append(Layer("flat", "flatten", ("read",)))
    attrs = {"units": len(LABELS), "activation": "linear"}
    layers.append(Layer("logits", "dense", (layers[-1].name,), attrs))
    model = FloatModel("example", LABELS, {}, "features", shape, tuple(layers), "logits")
    rng = np.random.default_rng(prod(first) + len(op))
    weights = {
        name: rng.normal(0, 1 / np.sqrt(max(prod(dims[:-1]), 1)), dims).astype(np.float32)
        for name, dims in weight_shapes(model).items()
    }
    return replace(model, weights=weights)


def _stem(name: str, shape: Shape) -> Layer:
    if len(shape) == 1:
        return Layer(name, "dense", ("features",), {"units": shape[0], "activation": "linear"})
    attrs = {"filters": shape[2], "kernel": [1, 1], "strides": [1, 1], "padding": "valid"}
    return Layer(name, "conv2d", ("features",), {**attrs, "activation": "linear"})


def inputs(model: FloatModel, count: int, seed: int = 3) -> Array:
    """Random int8 inputs [count, *input_shape]."""
    rng = np.random.default_rng(seed)
    return rng.integers(-128, 128, (count, *model.input_shape)).astype(np.int8)


@cache
def quantized(case: str) -> QuantizedModel:
    """The network around an example, calibrated on random inputs."""
    model = network(*EXAMPLES[case])
    ranges = activation_ranges(model, inputs(model, 40) * SCALE, quantile=1.0)
    return quantize(model, ranges, Quant((SCALE,), 0), len(LABELS))
