# SPDX-License-Identifier: Apache-2.0
"""Small networks with random weights: quick to compile, every op family present."""

from __future__ import annotations

from typing import Any

import numpy as np
from myna import fixed
from myna.audio.config import AudioConfig
from myna.frontend.model import FloatModel, weight_shapes
from myna.ir import Array, Builder, Graph, Kind, Quant, Tensor
from myna.layers.base import Layer
from myna.names import WRAPS
from myna.ops.coupling import Couple
from myna.passes.lowering.calibrate import activation_ranges
from myna.passes.lowering.quantize import QuantizedModel, quantize
from myna.passes.pipeline import training_graph
from myna.passes.training.hindsight import RangeMode, calibrate

FRAMES, BANDS, LABELS = 12, 8, ("a", "b", "c", "silence")
SCALE = 1 / 32
# features are levels of bands, as `audio.augment` likes them; fits the tones of `tiny_model`
AUDIO = AudioConfig(
    mels=BANDS,
    coefficients=0,
    frames=FRAMES,
    offset=(85 << 20,) * BANDS,
    multiplier=(1 << 17,) * BANDS,
    scale=SCALE,
)


def _layer(name: str, op: str, *inputs: str, **attrs: Any) -> Layer:
    return Layer(name, op, inputs, attrs)


def _conv(
    name: str, x: str, filters: int, kernel: list[int], strides: list[int], act: str
) -> Layer:
    return _layer(
        name,
        "conv2d",
        x,
        filters=filters,
        kernel=kernel,
        strides=strides,
        padding="same",
        activation=act,
    )


def _depthwise(name: str, x: str) -> Layer:
    return _layer(
        name,
        "depthwise_conv2d",
        x,
        kernel=[3, 3],
        strides=[1, 1],
        padding="same",
        activation="relu",
    )


def _pool(name: str, x: str) -> Layer:
    return _layer(name, "average_pool", x, pool=[6, 4], strides=[6, 4], padding="valid")


def _half(name: str, x: str, other: str) -> list[Layer]:
    """``name = x + pointwise(relu(depthwise(relu(other))))``."""
    return [
        _layer(f"{name}_in", "relu", other),
        _depthwise(f"{name}_dw", f"{name}_in"),
        _conv(f"{name}_pw", f"{name}_dw", 6, [1, 1], [1, 1], "linear"),
        _layer(name, "couple", x, f"{name}_pw"),
    ]


def plain_layers() -> list[Layer]:
    """Stem, depthwise, pointwise, pooling, dense."""
    return [
        _conv("stem", "features", 6, [4, 3], [2, 2], "relu"),
        _depthwise("dw", "stem"),
        _conv("pw", "dw", 7, [1, 1], [1, 1], "relu6"),
        _pool("pool", "pw"),
        _layer("flat", "flatten", "pool"),
        _layer("logits", "dense", "flat", units=len(LABELS), activation="linear"),
    ]


def reversible_layers(blocks: int = 2) -> list[Layer]:
    """Two stems, couplings in turn, both halves pooled and joined."""
    layers = [_conv(f"stem_{h}", "features", 6, [4, 3], [2, 2], "linear") for h in "ab"]
    a, b = "stem_a", "stem_b"
    for i in range(blocks):
        layers += _half(f"f{i}", a, b)
        a = f"f{i}"
        layers += _half(f"g{i}", b, a)
        b = f"g{i}"
    for half, stream in (("a", a), ("b", b)):
        layers += [_layer(f"end_{half}", "relu", stream), _pool(f"pool_{half}", f"end_{half}")]
    return [
        *layers,
        _layer("joined", "concat", "pool_a", "pool_b"),
        _layer("flat", "flatten", "joined"),
        _layer("logits", "dense", "flat", units=len(LABELS), activation="linear"),
    ]


def branched_layers() -> list[Layer]:
    """Margins, residual sums, activations of their own, pools: as imported networks have."""
    return [
        _layer("wide", "pad", "features", margins=[1, 2, 1, 1]),
        _conv("stem", "wide", 12, [4, 3], [2, 2], "linear"),
        _layer("act", "relu6", "stem"),
        _depthwise("dw", "act"),
        _layer("sum", "add", "dw", "stem", activation="relu"),
        _conv("pw", "sum", 12, [1, 1], [1, 1], "linear"),
        _layer("more", "add", "pw", "sum", activation="linear"),
        _layer("mean", "mean", "more"),
        _layer("split", "reshape", "mean", shape=[2, 3, 2]),
        _conv("mixed", "split", 8, [1, 1], [1, 1], "relu6"),
        _layer("means", "flatten", "mixed"),
        _layer("top", "max_pool", "more", pool=[3, 3], strides=[2, 2], padding="same"),
        _layer("best", "max_pool", "top", pool=[2, 1], strides=[2, 2], padding="valid"),
        _layer("around", "average_pool", "more", pool=[3, 2], strides=[2, 1], padding="same"),
        _layer("half", "average_pool", "around", pool=[2, 2], strides=[2, 2], padding="valid"),
        _layer("both", "concat", "best", "half", "best"),
        _layer("places", "flatten", "both"),
        _layer("joined", "concat", "means", "places"),
        _layer("flat", "flatten", "joined"),
        _layer("logits", "dense", "flat", units=len(LABELS), activation="linear"),
    ]


LAYERS = {"plain": plain_layers, "reversible": reversible_layers, "branched": branched_layers}


def float_model(name: str, seed: int = 0) -> FloatModel:
    """A float model of random weights, by a name of LAYERS."""
    layers = LAYERS[name]()
    shape = (FRAMES, BANDS, 1)
    audio = AUDIO.to_json()
    return with_random_weights(
        FloatModel(name, LABELS, audio, "features", shape, tuple(layers), "logits"), seed
    )


def with_random_weights(model: FloatModel, seed: int = 0) -> FloatModel:
    """The model with weights of a usual size."""
    rng = np.random.default_rng(seed)
    weights = {}
    for key, dims in weight_shapes(model).items():
        fan = np.prod(dims[:-1]) if len(dims) != 3 else 9
        spread = np.sqrt(2 / fan) if key.endswith("/w") else 0.1
        weights[key] = rng.normal(0, spread, dims).astype(np.float32)
    return FloatModel(**{**vars(model), "weights": weights})


def features(count: int, seed: int = 1) -> Array:
    """Random feature maps."""
    rng = np.random.default_rng(seed)
    return rng.integers(-100, 101, (count, FRAMES, BANDS, 1)).astype(np.int8)


def quantized(name: str, classes: int = 6) -> QuantizedModel:
    """The model quantized over random features."""
    return quantize_over(float_model(name), features(8), classes)


def quantize_over(model: FloatModel, maps: Array, classes: int = 6) -> QuantizedModel:
    """A model quantized over these features, with so many rows of its output layer."""
    ranges = activation_ranges(model, maps * SCALE)
    return quantize(model, ranges, Quant((SCALE,), 0), classes)


def gradient_ranges(model: QuantizedModel, mode: RangeMode) -> dict[str, float]:
    """First ranges of the gradients."""
    samples = [(x, i % len(LABELS)) for i, x in enumerate(features(8))]
    return calibrate(training_graph(model, 0.0), samples, mode)


def coupling(stream: Quant, branch: Quant, size: int) -> Graph:
    """A coupling alone, of inputs x (int16) and branch (int8)."""
    factor = fixed.requantize_multiplier(branch.scale[0] / stream.scale[0])
    build = Builder(Graph("one", {}, (), ()))
    build.tensor(Tensor("x", (size,), "int16", Kind.INPUT, stream))
    build.tensor(Tensor("branch", (size,), "int8", Kind.INPUT, branch))
    build.state(WRAPS, np.zeros(1, np.int32))
    op = Couple(*factor, branch.zero_point)
    build.node("y", op, ("x", "branch", WRAPS), ("y", WRAPS))
    build.requantized("y", stream)
    build.outputs = ["y"]
    return build.build()
