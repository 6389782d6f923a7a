# SPDX-License-Identifier: Apache-2.0
"""Whole networks: gradients point where float autodiff points, and training lowers the loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tiny
from myna import fixed
from myna.frontend.model import FloatModel
from myna.interpret import Reference
from myna.ir import Array, Node
from myna.ops import (
    BiasUpdate,
    DepthwiseUpdate,
)
from myna.ops.base import pair
from myna.passes.calibrate import forward
from myna.passes.hindsight import RangeMode
from myna.passes.quantize import QuantizedModel
from myna.pipeline import Options, compile_model

# -- whole networks --------------------------------------------------------------------------------


def trained(name: str, options: Options) -> tuple[Reference, QuantizedModel]:
    model = tiny.quantized(name)
    return Reference(
        compile_model(model, tiny.gradient_ranges(model, options.ranges), options)
    ), model


@pytest.mark.parametrize("mode", list(RangeMode))
@pytest.mark.parametrize("name", tiny.LAYERS)
def test_training_lowers_the_loss(name: str, mode: RangeMode) -> None:
    device, _ = trained(name, Options(ranges=mode, rate=0.1))
    clips = tiny.features(4, seed=5)

    def epoch() -> float:
        return sum(device.train_step(x, label) for label, x in enumerate(clips)) / 65536 / 4

    first = epoch()
    for _ in range(12):
        last = epoch()
    assert last < 0.7 * first
    assert [device.predict(x) for x in clips] == [0, 1, 2, 3]


@pytest.mark.parametrize("plan", ["head", "bias", "pw.w"])
def test_training_a_part_changes_that_part_alone(plan: str) -> None:
    device, _ = trained("plain", Options(train=plan, rate=0.05))
    before = dict(device.values)
    clips = tiny.features(4, seed=5)
    first = [device.train_step(x, label) for label, x in enumerate(clips)]
    for _ in range(12):
        last = [device.train_step(x, label) for label, x in enumerate(clips)]
    assert sum(last) < sum(first)
    weights = [name for name in before if name.endswith((".w", ".b"))]
    changed = {n for n in weights if not np.array_equal(before[n], device.values[n])}
    expected = {
        "head": {"logits.w", "logits.b"},
        "bias": {name for name in weights if name.endswith(".b")},
        "pw.w": {"pw.w"},
    }
    assert changed == expected[plan]


def weight_gradients(model: QuantizedModel, x: Array, label: int) -> dict[str, Any]:
    """Gradients of the integer graph in units of one LSB, from what the updates read."""
    options = Options(ranges=RangeMode.DYNAMIC, store_all=True, rate=0.0)
    program = compile_model(model, {}, options)
    device = Reference(program)
    device.train_step(x, label)
    found: dict[str, Any] = {}
    for node in program.graph.nodes:
        if node.name.endswith(".update"):
            trained_name = node.name.removesuffix(".update")
            found[trained_name] = _gradient(node, device.values)
    return found


def _gradient(node: Node, values: dict[str, Array]) -> Any:
    """Undo the factors of an update: its step per unit of rate is the gradient over one LSB."""
    arrays = [values[name] for name in node.inputs]
    if isinstance(node.op, BiasUpdate):
        dy, scale, steps = arrays[0], arrays[1], arrays[2]
        accumulator = dy.astype(np.int64).reshape(-1, arrays[-1].size).sum(axis=0)
        axis, planes = 0, 1.0
    else:
        scale, steps = arrays[2], arrays[3]
        accumulator = node.op.accumulate(arrays[0], arrays[1])  # type: ignore[attr-defined]
        axis = accumulator.ndim - 1 if isinstance(node.op, DepthwiseUpdate) else 0
        planes = 256.0
    column = [1] * accumulator.ndim
    column[axis] = -1
    per_lsb = np.array([fixed.pair_to_float(pair(s)) for s in steps]).reshape(column) / planes
    return accumulator * per_lsb * fixed.pair_to_float(pair(scale))


def dequantized(model: QuantizedModel) -> tuple[FloatModel, dict[str, Any]]:
    """The float model whose weights are those of the integer one, and the LSB of each tensor."""
    weights, lsb = {}, {}
    for layer in model.model.layers:
        if layer.name not in model.weights:
            continue
        w, scale = model.weights[layer.name].astype(np.float64), model.scales[layer.name]
        column = [1] * w.ndim
        column[-1 if layer.op == "depthwise_conv2d" else 0] = -1
        lsb[f"{layer.name}.w"] = scale.reshape(column).astype(np.float64)
        lsb[f"{layer.name}.b"] = scale * model.quants[layer.inputs[0]].scale[0]
        real = w * lsb[f"{layer.name}.w"]
        if layer.op != "depthwise_conv2d":
            real = np.moveaxis(real, 0, -1)
        weights[f"{layer.name}/w"] = real.astype(np.float32)
        bias = model.biases[layer.name] * lsb[f"{layer.name}.b"]
        weights[f"{layer.name}/b"] = bias.astype(np.float32)
    return replace(model.model, weights=weights), lsb


def rounding_network(model: QuantizedModel, weights: FloatModel) -> Any:
    """The float network with activations rounded as in the integer one, straight-through.

    Without the rounding, units just above zero in one network and at zero in the other would
    decide how alike the gradients are.
    """
    import keras  # noqa: PLC0415
    from myna.frontend.keras import to_keras  # noqa: PLC0415

    relus = {layer.name for layer in model.model.layers if layer.op in ("relu", "relu6")}
    exact = ("relu", "relu6", "couple", "flatten", "concat", "pad", "reshape")
    rounding = {layer.name for layer in model.model.layers if layer.op not in exact}

    def rounded(name: str, value: Any) -> Any:
        quant = model.quants.get(f"{name}.int8", model.quants[name])
        scale, zero = quant.scale[0], quant.zero_point
        nearest = keras.ops.clip(keras.ops.round(value / scale), -128 - zero, 127 - zero) * scale
        return value + keras.ops.stop_gradient(nearest - value)

    def call(layer: Any, *inputs: Any, **options: Any) -> Any:
        if layer.name in relus:
            return layer(rounded(layer.name, inputs[0]), **options)
        value = layer(*inputs, **options)
        return rounded(layer.name, value) if layer.name in rounding else value

    network = to_keras(weights)
    return keras.models.clone_model(network, clone_function=lambda x: x, call_function=call)


def float_gradients(network: Any, x: Array, label: int) -> dict[str, Any]:
    """Gradients of the cross-entropy by TensorFlow, in the layout of the integer graph."""
    import tensorflow as tf  # noqa: PLC0415

    with tf.GradientTape() as tape:
        logits = network(x[None].astype(np.float32) * tiny.SCALE)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits([label], logits)
    found = {}
    for variable, value in zip(
        network.trainable_variables, tape.gradient(loss, network.trainable_variables), strict=True
    ):
        layer, part = variable.path.split("/")[-2:]
        gradient = value.numpy()
        if part == "bias":
            found[f"{layer}.b"] = gradient
        elif gradient.ndim == 4 and gradient.shape[3] == 1 and "dw" in layer:
            found[f"{layer}.w"] = gradient[..., 0]
        else:
            found[f"{layer}.w"] = np.moveaxis(gradient, -1, 0)
    return found


@pytest.mark.train
@pytest.mark.parametrize("name", tiny.LAYERS)
def test_calibration_runs_the_network_that_keras_runs(name: str) -> None:
    from myna.frontend.keras import to_keras  # noqa: PLC0415

    model, x = tiny.float_model(name), tiny.features(6) * tiny.SCALE
    expected = to_keras(model).predict(x, verbose=0)
    found = np.stack([forward(model, sample)["logits"] for sample in x])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.train
@pytest.mark.parametrize("name", tiny.LAYERS)
def test_gradients_point_where_float_autodiff_points(name: str) -> None:
    model = tiny.quantized(name, classes=len(tiny.LABELS))
    weights, lsb = dequantized(model)
    network = rounding_network(model, weights)
    pairs: dict[str, list[tuple[Any, Any]]] = {}
    for label, x in enumerate(tiny.features(4, seed=10)):
        found, expected = weight_gradients(model, x, label), float_gradients(network, x, label)
        assert found.keys() == expected.keys()
        for key, value in found.items():
            pairs.setdefault(key, []).append((value * lsb[key], expected[key]))
    for key, both in pairs.items():
        ours, theirs = (np.stack(part).reshape(-1) for part in zip(*both, strict=True))
        cosine = ours @ theirs / (np.linalg.norm(ours) * np.linalg.norm(theirs))
        length = np.linalg.norm(ours) / np.linalg.norm(theirs)
        assert cosine >= 0.995, f"{key}: cosine {cosine:.4f}"
        assert 0.97 < length < 1.03, f"{key}: {length:.3f} times as long"
