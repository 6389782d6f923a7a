# SPDX-License-Identifier: Apache-2.0
"""Inference equals TFLite-Micro's, byte for byte: single operators, and whole networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from myna import fixed
from myna.device.target import PROJECT
from myna.frontend.model import FloatModel, weight_shapes
from myna.ir import Array, Builder, Graph, Kind, Quant, Tensor
from myna.layers.base import Layer
from myna.names import WRAPS
from myna.ops.requantize import Requantize
from myna.package.calibration import load_calibration
from myna.package.package import load_package
from myna.passes.execute import initial_values, run
from myna.passes.lowering.calibrate import activation_ranges
from myna.passes.lowering.lower import lower
from myna.passes.lowering.quantize import quantize
from support import tiny
from support.pairs import some_by_day

pytest.importorskip("tflite_micro")
from support import litert, micro

MODELS = [path.parent.name for path in sorted((PROJECT / "models").glob("*/int8.npz"))]
CONV = [  # input map, filters, kernel, strides, padding, activation
    ((9, 7, 3), 5, [3, 3], [1, 1], "same", "linear"),
    ((9, 7, 1), 4, [4, 3], [2, 2], "same", "relu"),
    ((6, 6, 8), 7, [1, 1], [1, 1], "valid", "relu6"),
    ((12, 5, 2), 3, [5, 2], [3, 1], "valid", "relu"),
    ((49, 10, 1), 8, [10, 4], [2, 2], "same", "relu"),
]

POOLS = [  # input map, window, strides, padding
    ((7, 5, 3), [3, 3], [2, 2], "same"),
    ((6, 6, 5), [3, 2], [1, 3], "valid"),
    ((5, 7, 4), [2, 2], [2, 2], "same"),
    ((9, 8, 2), [2, 3], [3, 4], "valid"),
    ((13, 13, 4), [2, 2], [2, 2], "valid"),
    ((4, 4, 6), [5, 5], [1, 1], "same"),
    ((6, 3, 4), [1, 1], [2, 2], "same"),
]
POINT = {"kernel": [1, 1], "strides": [1, 1], "padding": "valid"}


class Ours:
    """The references of a forward graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph, self.values = graph, initial_values(graph)

    def infer(self, x: Array) -> Array:
        self.values[self._graph.of_kind(Kind.INPUT)[0].name] = x
        run(self._graph.nodes, self.values)
        return self.values[self._graph.outputs[0]]


def assert_equal(graph: Graph, inputs: Array) -> Ours:
    """Compare all bytes of the outputs; the input is not constant, so they must not be either."""
    ours, theirs = Ours(graph), micro.Micro(graph)
    outputs = [(ours.infer(x).copy(), theirs.infer(x)) for x in inputs]
    different = sum(int((a != b.reshape(a.shape)).sum()) for a, b in outputs)
    assert different == 0, f"{different} of {len(outputs) * outputs[0][0].size} values"
    assert all(a.dtype == b.dtype for a, b in outputs)
    assert len(np.unique(np.stack([a for a, _ in outputs]))) > 10
    if litert.INSTALLED:
        assert_second_opinion(litert.before_dense(graph), inputs)
    return ours


def assert_second_opinion(graph: Graph, inputs: Array) -> None:
    """Compare all bytes with another interpreter's, which the dense layers cannot be."""
    if graph.nodes:
        ours, theirs = Ours(graph), litert.LiteRT(graph)
        assert all(np.array_equal(theirs.infer(x), ours.infer(x)) for x in inputs)


def test_second_opinion_is_asked() -> None:
    pytest.importorskip("ai_edge_litert")
    graph = lower(tiny.quantized("plain"))
    part = litert.before_dense(graph)
    assert len(part.nodes) == len(graph.nodes) - 1
    ours, theirs = Ours(part), litert.LiteRT(part)
    x, other = tiny.features(2)
    assert np.array_equal(theirs.infer(x).reshape(-1), ours.infer(x).reshape(-1))
    assert not np.array_equal(theirs.infer(other).reshape(-1), ours.infer(x).reshape(-1))


def one_layer(layer: Layer, shape: tuple[int, ...], rng: np.random.Generator) -> Graph:
    """A network of one quantized layer; a tenth of its outputs saturates."""
    return network((layer,), shape, rng)


def network(layers: tuple[Layer, ...], shape: tuple[int, ...], rng: np.random.Generator) -> Graph:
    """A network of these layers, quantized; a tenth of its values saturates."""
    layers = (*layers, Layer("output", "flatten", (layers[-1].name,)))
    model = FloatModel("one", ("a",), {}, "features", shape, layers, "output")
    weights = {
        key: rng.normal(0, rng.uniform(0.1, 2, dims[-1]), dims).astype(np.float32)
        for key, dims in weight_shapes(model).items()
    }
    model = FloatModel(**{**vars(model), "weights": weights})
    scale = float(np.float32(rng.uniform(0.005, 0.1)))
    zero = int(rng.integers(-128, 128))
    samples = (random_inputs(rng, 8, shape) - np.float64(zero)) * scale
    ranges = activation_ranges(model, samples, quantile=0.85)
    return lower(quantize(model, ranges, Quant((scale,), zero), classes=1))


def random_inputs(rng: np.random.Generator, count: int, shape: tuple[int, ...]) -> Array:
    return rng.integers(-128, 128, (count, *shape)).astype(np.int8)


@pytest.mark.parametrize("case", CONV, ids=lambda case: f"{case[0]}-{case[2]}-{case[5]}")
@pytest.mark.parametrize("op", ["conv2d", "depthwise_conv2d"])
def test_convolutions(op: str, case: Any) -> None:
    shape, filters, kernel, strides, padding, activation = case
    rng = np.random.default_rng(shape[0])
    attrs = {"kernel": kernel, "strides": strides, "padding": padding, "activation": activation}
    layer = Layer("y", op, ("features",), attrs | ({"filters": filters} if op == "conv2d" else {}))
    for _ in range(3):
        assert_equal(one_layer(layer, shape, rng), random_inputs(rng, 20, shape))


@pytest.mark.parametrize("inputs", [1, 7, 64, 200])
@pytest.mark.parametrize("activation", ["linear", "relu", "relu6"])
def test_dense(inputs: int, activation: str) -> None:
    rng = np.random.default_rng(inputs)
    layer = Layer("y", "dense", ("features",), {"units": 12, "activation": activation})
    for _ in range(3):
        assert_equal(one_layer(layer, (inputs,), rng), random_inputs(rng, 60, (inputs,)))


@pytest.mark.parametrize(
    ("shape", "pool"), [((25, 5, 8), [25, 5]), ((6, 4, 3), [2, 2]), ((1, 9, 2), [1, 3])]
)
def test_average_pool(shape: tuple[int, int, int], pool: list[int]) -> None:
    rng = np.random.default_rng(pool[0])
    attrs = {"pool": pool, "strides": pool, "padding": "valid"}
    layer = Layer("y", "average_pool", ("features",), attrs)
    assert_equal(one_layer(layer, shape, rng), random_inputs(rng, 200, shape))


@pytest.mark.parametrize("op", ["average_pool", "max_pool"])
@pytest.mark.parametrize("case", POOLS, ids=str)
def test_pools(op: str, case: Any) -> None:
    shape, pool, strides, padding = case
    rng = np.random.default_rng(shape[0])
    attrs = {"pool": pool, "strides": strides, "padding": padding}
    graph = one_layer(Layer("y", op, ("features",), attrs), shape, rng)
    assert_equal(graph, random_inputs(rng, 100, shape))


BRANCHES = (  # of different ranges, and some below zero
    Layer("a", "conv2d", ("features",), {"filters": 5, "activation": "relu", **POINT}),
    Layer("b", "depthwise_conv2d", ("a",), {"activation": "linear", **POINT}),
)


@pytest.mark.parametrize("activation", ["linear", "relu", "relu6"])
def test_add(activation: str) -> None:
    rng = np.random.default_rng(8)
    add = Layer("y", "add", ("a", "b"), {"activation": activation})
    for _ in range(6):
        graph = network((*BRANCHES, add), (5, 4, 3), rng)
        assert_equal(graph, random_inputs(rng, 40, (5, 4, 3)))


def test_a_value_plus_itself() -> None:
    rng = np.random.default_rng(9)
    layer = Layer("y", "add", ("features", "features"), {"activation": "linear"})
    assert_equal(one_layer(layer, (300,), rng), random_inputs(rng, 20, (300,)))


@pytest.mark.parametrize("shape", [(25, 5, 8), (7, 7, 3), (1, 3, 6), (64, 64, 2), (1, 1, 4)])
def test_mean(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(shape[0])
    for _ in range(4):
        graph = one_layer(Layer("y", "mean", ("features",)), shape, rng)
        low = rng.integers(-128, 128, (60, 1, 1, shape[2]))  # means all over the range
        assert_equal(
            graph, np.clip(low + random_inputs(rng, 60, shape) // 4, -128, 127).astype("i1")
        )


@pytest.mark.parametrize("margins", [[1, 2, 0, 3], [0, 1, 0, 0]])
def test_pad(margins: list[int]) -> None:
    rng = np.random.default_rng(10)
    layer = Layer("y", "pad", ("features",), {"margins": margins})
    assert_equal(one_layer(layer, (4, 3, 5), rng), random_inputs(rng, 20, (4, 3, 5)))


def test_reshape() -> None:
    rng = np.random.default_rng(11)
    layer = Layer("y", "reshape", ("features",), {"shape": [2, 3, 10]})
    point = Layer("z", "conv2d", ("y",), {"filters": 4, "activation": "linear", **POINT})
    assert_equal(network((layer, point), (60,), rng), random_inputs(rng, 20, (60,)))


@pytest.mark.parametrize("op", ["relu", "relu6", "linear"])
def test_activations(op: str) -> None:
    rng = np.random.default_rng(12)
    for _ in range(4):
        graph = network((*BRANCHES, Layer("y", op, ("b",))), (5, 4, 3), rng)
        assert_equal(graph, random_inputs(rng, 40, (5, 4, 3)))


def test_three_are_joined_two_at_a_time() -> None:
    rng = np.random.default_rng(13)
    joined = Layer("y", "concat", ("a", "b", "a"))
    graph = network((*BRANCHES, joined), (5, 4, 3), rng)
    assert_equal(graph, random_inputs(rng, 20, (5, 4, 3)))


REQUANTIZE = [
    ("int8", Quant((0.05,), -128), "int16", Quant((0.0007,))),
    ("int8", Quant((0.05,), 100), "int16", Quant((0.0001,))),  # saturates
    ("int16", Quant((0.0007,)), "int8", Quant((0.04,), 12)),
    ("int16", Quant((0.0001,)), "int8", Quant((0.0123,), -128)),
    ("int8", Quant((0.05,), 3), "int8", Quant((0.0731,), -9)),
]


@pytest.mark.parametrize("case", REQUANTIZE, ids=lambda case: f"{case[0]}-{case[2]}")
def test_requantize(case: Any) -> None:
    from_type, x_quant, to_type, y_quant = case
    x_quant, y_quant = (
        Quant((float(np.float32(q.scale[0])),), q.zero_point) for q in (x_quant, y_quant)
    )
    source, limits = np.iinfo(from_type), np.iinfo(to_type)
    every = np.arange(source.min, source.max + 1).astype(from_type)
    mantissa, shift = fixed.requantize_multiplier(x_quant.scale[0] / y_quant.scale[0])
    op = Requantize(
        from_type,
        to_type,
        mantissa,
        shift,
        x_quant.zero_point,
        y_quant.zero_point,
        int(limits.min),
        int(limits.max),
    )
    build = Builder(Graph("one", {}, (), ()))
    build.tensor(Tensor("x", (256,), from_type, Kind.INPUT, x_quant))
    build.node("y", op, ("x",), ("y",))
    build.requantized("y", y_quant)
    build.outputs = ["y"]
    assert_equal(build.build(), every.reshape(-1, 256))


def test_coupling_is_quantize_and_add() -> None:
    rng = np.random.default_rng(5)
    stream, branch = Quant((float(np.float32(0.003)),)), Quant((float(np.float32(0.11)),), -20)
    graph, data = tiny.coupling(stream, branch, 500), rng.integers(-128, 128, 500).astype(np.int8)
    op = graph.nodes[0].op
    others = [micro.Micro(graph), *([litert.LiteRT(graph)] if litert.INSTALLED else [])]
    for _ in range(20):
        x = rng.integers(-27000, 27001, 500).astype(np.int16)  # sums stay inside int16
        y, wraps = op.reference(x, data, np.zeros(1, np.int32))
        assert not wraps.any()
        assert all(np.array_equal(theirs.infer(x, data), y) for theirs in others)


# -- whole networks --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", tiny.LAYERS)
def test_tiny_networks(name: str) -> None:
    graph = lower(tiny.quantized(name))
    rng = np.random.default_rng(6)
    shape = (tiny.FRAMES, tiny.BANDS, 1)
    ours = assert_equal(graph, random_inputs(rng, 200, shape))
    assert name != "reversible" or not ours.values[WRAPS].any()


@pytest.mark.parametrize("name", some_by_day(MODELS, ("ds_cnn", "kws")))
def test_models(name: str) -> None:
    folder = PROJECT / "models" / name
    graph = lower(load_package(folder).model)
    features, _ = load_calibration(folder)
    shape = graph.of_kind(Kind.INPUT)[0].shape
    noise = random_inputs(np.random.default_rng(7), 60, shape)
    ours = assert_equal(graph, np.concatenate([features[:150].reshape(-1, *shape), noise]))
    assert WRAPS not in ours.values or not ours.values[WRAPS].any()
