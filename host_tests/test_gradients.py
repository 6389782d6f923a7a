# SPDX-License-Identifier: Apache-2.0
"""Gradients are adjoints to the last bit, point where float autodiff points, and lower the loss."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from myna import fixed
from myna.errors import MynaError
from myna.fixed import IntArray
from myna.frontend.model import FloatModel
from myna.interpret import Reference
from myna.ir import Array, Node
from myna.ops import (
    AveragePool,
    BiasUpdate,
    Conv2DGradInput,
    Conv2DUpdate,
    DenseGradInput,
    DenseUpdate,
    DepthwiseGradInput,
    DepthwiseUpdate,
    GradAdd,
    SoftmaxCrossEntropy,
)
from myna.ops.base import pair, pair_tensor
from myna.ops.layer import channel_weights
from myna.ops.loss import exp_table
from myna.ops.pool import AveragePoolGrad
from myna.ops.sgd import BIAS_MAX, MASTER_MAX, MASTER_MIN, UpdateInputs, update_weight
from myna.ops.window import Window
from myna.passes.hindsight import RangeMode
from myna.passes.quantize import QuantizedModel
from myna.pipeline import Options, compile_model

# -- exact adjoints on unrounded accumulators ------------------------------------------------------


@st.composite
def geometries(draw: st.DrawFn) -> tuple[tuple[int, int, int], Window, int, int]:
    """An input map, a window on it, a number of output channels, a seed."""
    h, w = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    c, cout = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    padding = draw(st.sampled_from(["same", "valid"]))
    limit = (h, w) if padding == "valid" else (5, 5)
    kernel = tuple(draw(st.integers(1, min(5, n))) for n in limit)
    strides = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    window = Window.of((h, w), (kernel[0], kernel[1]), strides, padding)
    return (h, w, c), window, cout, draw(st.integers(0, 2**32 - 1))


def int8(rng: np.random.Generator, *shape: int) -> Array:
    return rng.integers(-127, 128, shape).astype(np.int8)


def dot(a: Array, b: Array) -> int:
    return int((a.astype(np.int64) * b.astype(np.int64)).sum())


def convolve(x: IntArray, w: Array, window: Window) -> IntArray:
    """A convolution from its definition, weights [cout, kh, kw, cin], no bias."""
    top, bottom, left, right = window.padding
    padded = np.pad(x, ((top, bottom), (left, right), (0, 0)))
    out_h, out_w = window.output(x.shape[0], x.shape[1])
    y = np.zeros((out_h, out_w, w.shape[0]), np.int64)
    for i in range(out_h):
        for j in range(out_w):
            row, column = i * window.strides[0], j * window.strides[1]
            patch = padded[row : row + window.kernel[0], column : column + window.kernel[1]]
            y[i, j] = (patch[None] * w.astype(np.int64)).sum(axis=(1, 2, 3))
    return y


@given(geometry=geometries(), zero=st.integers(-128, 127))
def test_conv2d_gradients_are_adjoints(geometry: Any, zero: int) -> None:
    shape, window, cout, seed = geometry
    rng = np.random.default_rng(seed)
    x, w = int8(rng, *shape), int8(rng, cout, *window.kernel, shape[2])
    channel = rng.integers(1, 257, cout).astype(np.int16)
    centred = x.astype(np.int64) - zero
    y = convolve(centred, w, window)
    dy = int8(rng, *y.shape)
    dx = Conv2DGradInput(((0, 0),), window, shape).accumulate(dy, w, channel)
    assert dot(y * channel, dy) == dot(centred, dx)
    dw = Conv2DUpdate(window, zero, 0).accumulate(x, dy)
    assert dot(y, dy) == dot(w, dw)


@given(geometry=geometries(), zero=st.integers(-128, 127))
def test_depthwise_gradients_are_adjoints(geometry: Any, zero: int) -> None:
    shape, window, _, seed = geometry
    rng = np.random.default_rng(seed)
    x, w = int8(rng, *shape), int8(rng, *window.kernel, shape[2])
    channel = rng.integers(1, 257, shape[2]).astype(np.int16)
    centred = x.astype(np.int64) - zero
    alone = [convolve(centred[..., [c]], w[None, :, :, [c]], window) for c in range(shape[2])]
    y = np.concatenate(alone, axis=2)
    dy = int8(rng, *y.shape)
    dx = DepthwiseGradInput(((0, 0),), window, shape).accumulate(dy, w, channel)
    assert dot(y * channel, dy) == dot(centred, dx)
    dw = DepthwiseUpdate(window, zero, 0).accumulate(x, dy)
    assert dot(y, dy) == dot(w, dw)


@given(inputs=st.integers(1, 70), units=st.integers(1, 20), seed=st.integers(0, 2**32 - 1))
def test_dense_gradients_are_adjoints(inputs: int, units: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, w, dy = int8(rng, inputs), int8(rng, units, inputs), int8(rng, units)
    channel, zero = rng.integers(1, 257, units).astype(np.int16), -128
    centred = x.astype(np.int64) - zero
    y = w.astype(np.int64) @ centred
    dx = DenseGradInput(((0, 0),), (inputs,)).accumulate(dy, w, channel)
    assert dot(y * channel, dy) == dot(centred, dx)
    assert dot(y, dy) == dot(w, DenseUpdate(zero, 0).accumulate(x, dy))


@given(
    pool=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    tiles=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4)),
    seed=st.integers(0, 2**32 - 1),
)
def test_pool_gradient_is_the_adjoint_of_the_sum(pool: Any, tiles: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (pool[0] * tiles[0], pool[1] * tiles[1], tiles[2])
    x, dy = int8(rng, *shape), int8(rng, *tiles)
    sums = x.astype(np.int64).reshape(tiles[0], pool[0], tiles[1], pool[1], tiles[2])
    (dx,) = AveragePoolGrad(pool, shape).reference(dy)
    assert dot(sums.sum(axis=(1, 3)), dy) == dot(x, dx)
    (mean,) = AveragePool(pool).reference(x)
    assert np.abs(mean - sums.mean(axis=(1, 3))).max() <= 0.5


@given(scales=st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=8), terms=st.integers(1, 133000))
def test_channel_weights_cannot_overflow(scales: list[float], terms: int) -> None:
    channel, unit = channel_weights(tuple(scales), terms)
    assert terms * 127 * 127 * int(channel.max()) <= 2**31 - 1
    assert channel.min() >= 1
    assert np.abs(channel * unit - np.maximum(scales, unit)).max() <= 0.5 * unit * 1.001


def test_an_input_gradient_that_could_overflow_is_refused() -> None:
    with pytest.raises(MynaError, match="int32"):
        channel_weights((1.0,), 2**31 // 127**2 + 1)


# -- requantization of gradients -------------------------------------------------------------------


@given(
    values=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=20),
    scale=st.floats(1e-6, 10),
    out=st.floats(1e-6, 10),
)
def test_gradients_are_quantized_to_their_scale(
    values: list[int], scale: float, out: float
) -> None:
    op = DenseGradInput((fixed.pair_from_float(0.3),), (len(values),))
    accumulator = np.array(values, np.int64)
    quantized, peak = op.requantized(accumulator, pair_tensor(scale), pair_tensor(out))
    real = accumulator * (0.3 * scale / out)
    tolerance = 0.5001 + np.abs(real) * 2**-28
    assert (np.abs(quantized - np.clip(real, -127, 127)) <= tolerance).all()
    expected = min(np.abs(real).max(), 2**31 - 1)
    assert abs(int(peak[0]) - expected) <= 0.5001 + expected * 2**-28
    assert quantized.min() >= -127


def test_a_zero_scale_gives_a_zero_gradient() -> None:
    op = DenseGradInput((fixed.pair_from_float(1.0),), (2,))
    for scale, out in ((0.0, 1.0), (1.0, 0.0), (0.0, 0.0)):
        result = op.requantized(np.array([5, -(2**31)]), pair_tensor(scale), pair_tensor(out))
        assert not np.concatenate(result).any()


@given(a=st.integers(-127, 127), b=st.integers(-127, 127), s=st.floats(1e-3, 1e3))
def test_sum_of_gradients_is_rounded_once(a: int, b: int, s: float) -> None:
    op = GradAdd((fixed.pair_from_float(0.7), fixed.pair_from_float(1.3)))
    arrays = (np.array([v], np.int8) for v in (a, b))
    total, peak = op.reference(*arrays, pair_tensor(2.0), pair_tensor(0.5), pair_tensor(s))
    real = (a * 1.4 + b * 0.65) / s
    assert abs(int(total[0]) - np.clip(real, -127, 127)) <= 0.5 + 2 / 256
    assert abs(int(peak[0]) - abs(real)) <= 0.5 + 2 / 256


# -- the loss --------------------------------------------------------------------------------------


def float_loss(logits: Any, label: int) -> float:
    shifted = logits - logits.max()
    return float(np.log(np.exp(shifted).sum()) - shifted[label])


@settings(max_examples=200)
@given(
    logits=st.lists(st.integers(-128, 127), min_size=2, max_size=20),
    scale=st.floats(0.02, 0.3),
    data=st.data(),
)
def test_loss_and_its_gradient_are_those_of_float(
    logits: list[int], scale: float, data: st.DataObject
) -> None:
    active = data.draw(st.integers(1, len(logits)))
    label = data.draw(st.integers(0, active - 1))
    scalars = (np.array([v], np.int32) for v in (label, active))
    target, classes = scalars
    gradient, unit, loss = SoftmaxCrossEntropy().reference(
        np.array(logits, np.int8), target, exp_table(scale), classes
    )
    real = scale * np.array(logits[:active], float)
    # exponentials are integers in Q24: the last few are coarse, those below one count as one
    gap = min(float(real.max() - real[label]), 24 * math.log(2))
    expected = gap + math.log(np.exp(real - real.max()).sum())
    assert abs(int(loss[0]) / 65536 - expected) <= 0.001 + math.exp(gap) / 2**24
    step = 1e-5
    slope = [
        (float_loss(real + step * e, label) - float_loss(real - step * e, label)) / (2 * step)
        for e in np.eye(active)
    ]
    found = gradient[:active] * fixed.pair_to_float(pair(unit))
    top = max(np.abs(slope))
    assert np.abs(found - slope).max() <= top * 0.5 / 127 + 1e-6
    assert not gradient[active:].any()


# -- the update ------------------------------------------------------------------------------------


def shared(step: int, rate: float, channels: int = 1) -> UpdateInputs:
    steps = np.array([fixed.pair_from_float(1.0)] * channels, np.int32)
    seed, count = np.array([3], np.int32), np.array([step], np.int32)
    return UpdateInputs(pair_tensor(1.0), steps, pair_tensor(rate), seed, count)


@pytest.mark.parametrize("delta", [0.25, -0.4, 3.7, -12.1])
def test_stochastic_rounding_is_unbiased(delta: float) -> None:
    accumulator = np.ones((1, 20000), np.int64)
    found = np.stack(
        [shared(step, abs(delta)).deltas(accumulator * int(np.sign(delta)), 9) for step in range(5)]
    )
    assert set(np.unique(found)) <= {math.floor(delta), math.ceil(delta)}
    assert abs(found.mean() - delta) < 0.005  # a standard error is 0.0016
    assert not np.array_equal(found[0], found[1])


def test_whole_steps_are_not_dithered() -> None:
    deltas = shared(0, 1.0).deltas(np.array([[5, -3, 0]]), 1)
    assert deltas.tolist() == [[5, -3, 0]]


def test_each_output_channel_has_its_own_step() -> None:
    inputs = shared(0, 1.0, 3)
    inputs.steps[1] = fixed.pair_from_float(2.0)
    inputs.steps[2] = (0, 0)
    accumulator = np.full((3, 2), 4)
    assert inputs.deltas(accumulator, 1).tolist() == [[4, 4], [8, 8], [0, 0]]
    assert inputs.deltas(accumulator.T, 1, axis=1).tolist() == [[4, 8, 0], [4, 8, 0]]


@given(w=st.integers(-127, 127), r=st.integers(-128, 127), delta=st.integers(-(2**15), 2**15))
def test_master_saturates_and_splits_into_planes(w: int, r: int, delta: int) -> None:
    high, low = update_weight(np.array([w], np.int8), np.array([r], np.int8), np.array([delta]))
    master = 256 * int(high[0]) + int(low[0])
    assert master == min(max(256 * w + r - delta, MASTER_MIN), MASTER_MAX)
    assert -127 <= high[0] <= 127
    assert abs(int(high[0]) - master / 256) <= 0.5


def test_bias_update_adds_up_positions_and_saturates() -> None:
    dy = np.array([[1, 2], [3, 100]], np.int8)  # pushes the second bias over its limit
    bias = np.array([10, -BIAS_MAX], np.int32)
    scalars = (np.array([v], np.int32) for v in (1, 1))
    steps = np.array([fixed.pair_from_float(1.0)] * 2, np.int32)
    inputs = (dy, pair_tensor(1.0), steps, pair_tensor(1.0), *scalars, bias)
    (updated,) = BiasUpdate(0).reference(*inputs)
    assert updated.tolist() == [6, -BIAS_MAX]


# -- whole networks --------------------------------------------------------------------------------


def trained(name: str, options: Options) -> tuple[Reference, QuantizedModel]:
    model = tiny.quantized(name)
    return Reference(
        compile_model(model, tiny.gradient_ranges(model, options.ranges), options)
    ), model


@pytest.mark.parametrize("mode", list(RangeMode))
@pytest.mark.parametrize("name", ["plain", "reversible"])
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

    relus = {layer.name for layer in model.model.layers if layer.op == "relu"}
    exact = ("relu", "couple", "flatten", "concat")
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
@pytest.mark.parametrize("name", ["plain", "reversible"])
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
