# SPDX-License-Identifier: Apache-2.0
"""Every kind of layer, by its examples: floats, integers, and what other tools make of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from myna.engines.reference import Reference
from myna.formats.table import TO_KERAS, TO_TFLITE
from myna.formats.tflite_export import write
from myna.formats.tflite_import import convert
from myna.frontend.model import FloatModel, weight_shapes
from myna.ir import Array, Graph, Kind
from myna.layers.base import Layer
from myna.layers.table import LAYERS, output_shape, problems
from myna.names import NARROW
from myna.passes.execute import execute
from myna.passes.lowering.calibrate import forward
from myna.passes.lowering.lower import lower
from myna.passes.lowering.quantize import QuantizedModel, stream_tensors
from myna.passes.pipeline import Options, compile_model, training_graph
from myna.passes.training.hindsight import RangeMode, calibrate
from myna.tflite.read import read_file
from support import examples, gradients
from support.examples import EXAMPLES, TESTED

each_example = pytest.mark.parametrize("case", EXAMPLES)


def test_every_kind_of_layer_has_examples() -> None:
    assert {op for op, _ in EXAMPLES.values()} == set(LAYERS)


@each_example
def test_an_example_is_a_layer_that_architectures_may_hold(case: str) -> None:
    op, example = EXAMPLES[case]
    names = {f"x{i}": shape for i, shape in enumerate(example.inputs)}
    assert not list(problems(Layer("y", op, tuple(names), example.attrs), names))


@each_example
def test_the_float_form_has_the_shape_that_is_said(case: str) -> None:
    model = examples.network(*EXAMPLES[case])
    values = forward(model, examples.inputs(model, 1)[0].astype(np.float64))
    for layer in model.layers:
        inputs = [values[name].shape for name in layer.inputs]
        assert values[layer.name].shape == output_shape(layer, inputs)


def real(model: QuantizedModel, name: str, values: Array) -> Array:
    """What the int8 or int16 values of a layer stand for."""
    quant = model.quants[name]
    return (values.astype(np.float64) - quant.zero_point) * quant.scale[0]


@each_example
def test_integers_follow_floats(case: str) -> None:
    """From the same inputs and weights, each result is the float's, rounded; or saturated."""
    model, graph = examples.quantized(case), lower(examples.quantized(case))
    weights = gradients.dequantized(model).weights
    layer = next(la for la in model.model.layers if la.name == TESTED)
    for x in examples.inputs(model.model, 20, seed=8):
        values = execute(graph, {"features": x})
        made = values[TESTED] if TESTED in values else values[f"{TESTED}{NARROW}"]
        inputs = [real(model, name, values[name]) for name in layer.inputs]
        expected = LAYERS[layer.op].forward(layer, inputs, weights)
        quant, limits = model.quants[TESTED], np.iinfo(made.dtype)
        steps = expected / quant.scale[0] + quant.zero_point
        steps = np.clip(steps, limits.min, limits.max).reshape(made.shape)
        assert np.abs(steps - made).max() <= 1.01, layer


def outputs(graph: Graph, inputs: Array) -> Array:
    source = graph.of_kind(Kind.INPUT)[0].name
    return np.array([execute(graph, {source: x})[graph.outputs[0]].reshape(-1) for x in inputs])


@each_example
def test_tflite_micro_computes_the_same_bytes(case: str) -> None:
    pytest.importorskip("tflite_micro")
    from support.micro import Micro  # noqa: PLC0415 - it may be missing

    graph = lower(examples.quantized(case))
    if foreign := {
        type(node.op).__name__ for node in graph.nodes if type(node.op) not in TO_TFLITE
    }:
        pytest.skip(f"TensorFlow Lite has no {', '.join(foreign)}")
    inputs = examples.inputs(examples.quantized(case).model, 30)
    found, network = outputs(graph, inputs), Micro(graph)
    assert len(np.unique(found)) > 20
    assert np.array_equal(found, [network.infer(x) for x in inputs])


@each_example
def test_a_file_of_it_is_read_as_what_it_was(case: str, tmp_path: Path) -> None:
    model = examples.quantized(case)
    graph = lower(model)
    if any(type(node.op) not in TO_TFLITE for node in graph.nodes):
        pytest.skip("TensorFlow Lite does not have it")
    path = tmp_path / "example.tflite"
    path.write_bytes(write(graph))
    again = convert(read_file(path), "example", None, {})
    inputs = examples.inputs(model.model, 10)
    assert np.array_equal(outputs(graph, inputs), outputs(lower(again), inputs))
    kinds = [{type(node.op) for node in step.nodes} for step in (graph, lower(again))]
    assert kinds[0] == kinds[1]


@pytest.mark.train
@each_example
def test_keras_computes_the_same_and_is_read_again(case: str, tmp_path: Path) -> None:
    from myna.formats.keras import to_keras  # noqa: PLC0415 - these import TensorFlow
    from myna.formats.keras_import import read_keras  # noqa: PLC0415

    model = examples.network(*EXAMPLES[case])
    if EXAMPLES[case][0] not in TO_KERAS:
        pytest.skip("Keras does not have it")
    network = to_keras(model)
    inputs = examples.inputs(model, 5).astype(np.float32)
    expected = [forward(model, x.astype(np.float64))[model.output] for x in inputs]
    assert np.allclose(network(inputs), expected, rtol=1e-4, atol=1e-3)
    path = tmp_path / "example.keras"
    network.save(path)
    again = read_keras(path, "example", None)
    assert again.input_shape == model.input_shape
    found = [forward(again, x.astype(np.float64))[again.output] for x in inputs]
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.train
@each_example
def test_gradients_are_those_of_tensorflow(case: str) -> None:
    """Of the layers before it, which its gradient rule reaches, and of its own weights."""
    if EXAMPLES[case][0] not in TO_KERAS:
        pytest.skip("Keras does not have it")
    model = examples.quantized(case)
    maps = examples.inputs(model.model, 12)
    samples = [(x, i % 4) for i, x in enumerate(maps)]
    ranges = calibrate(training_graph(model, 0.0), samples, RangeMode.DYNAMIC)
    program = compile_model(model, ranges, Options(ranges=RangeMode.DYNAMIC))
    device = Reference(program)
    network = gradients.rounding_network(model)
    for x, label in samples[:4]:
        ours = gradients.weight_gradients(device, model, x, label)
        theirs = gradients.float_gradients(network, model, x[None], [label])
        for name, expected in theirs.items():
            if np.linalg.norm(expected) > 0:
                assert cosine(ours[name], expected) > 0.97, name


def cosine(a: Array, b: Array) -> float:
    a, b = np.asarray(a, np.float64).reshape(-1), np.asarray(b, np.float64).reshape(-1)
    return float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-30))


def test_the_tested_layer_stands_where_it_should() -> None:
    model: FloatModel = examples.network(*EXAMPLES["couple0"])
    assert stream_tensors(model) == {TESTED, "stem0"}
    assert set(weight_shapes(model)) == {
        f"{name}/{part}" for name in ("stem0", "stem1", "logits") for part in "wb"
    }
