# SPDX-License-Identifier: Apache-2.0
"""From a float model to a forward graph of integer ops: quantize and lower."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from myna import fixed
from myna.engines.reference import Reference
from myna.errors import MynaError
from myna.ir import Quant
from myna.layers.base import Layer
from myna.layers.clamp import quantized_six
from myna.layers.table import LAYERS
from myna.ops.gradient import NO_HIGH, ClampGrad
from myna.passes.execute import initial_values, run
from myna.passes.lowering.calibrate import activation_ranges, forward
from myna.passes.lowering.lower import lower
from myna.passes.lowering.quantize import (
    LOGIT_HEADROOM,
    STREAM_HEADROOM,
    QuantizedModel,
    affine,
    quantize,
    stream_tensors,
)
from myna.passes.pipeline import Options, compile_model, training_graph
from myna.passes.training.hindsight import RangeMode
from support import tiny

NAMES = list(tiny.LAYERS)

# -- quantize --------------------------------------------------------------------------------------


@given(low=st.floats(-100, 0), high=st.floats(0, 100))
def test_zero_is_exact_in_every_quantization(low: float, high: float) -> None:
    quant = affine(low, high)
    scale, zero = quant.scale[0], quant.zero_point
    assert scale == np.float32(scale) > 0
    assert -128 <= zero <= 127
    if high - low > 1e-3:
        assert (-128 - zero) * scale <= low + scale * 0.51
        assert (127 - zero) * scale >= high - scale * 0.51


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_within_half_a_step(name: str) -> None:
    float_model, model = tiny.float_model(name), tiny.quantized(name)
    for layer in float_model.layers:
        if layer.name not in model.weights:
            continue
        w, b = (float_model.weights[f"{layer.name}/{part}"] for part in "wb")
        scale = model.scales[layer.name][: b.size].astype(np.float64)
        quantized, biases = model.weights[layer.name], model.biases[layer.name][: b.size]
        if layer.op != "depthwise_conv2d":
            quantized = np.moveaxis(quantized[: b.size], 0, -1)
        assert np.abs(quantized * scale - w).max() <= scale.max() * 0.5001
        assert (np.abs(quantized * scale - w) <= scale * 0.5001).all()
        assert np.abs(quantized.astype(int)).reshape(-1, b.size).max(axis=0).max() == 127
        unit = scale * model.quants[layer.inputs[0]].scale[0]
        assert (np.abs(biases * unit - b) <= unit * 0.5001).all()


def test_a_silent_channel_keeps_a_scale_that_can_be_trained() -> None:
    model = tiny.float_model("plain")
    w = model.weights["pw/w"].copy()
    w[..., 3] = 0
    silent = replace(model, weights={**model.weights, "pw/w": w})
    ranges = activation_ranges(silent, tiny.features(4) * tiny.SCALE)
    scales = quantize(silent, ranges, Quant((tiny.SCALE,)), 4).scales["pw"]
    assert scales[3] == pytest.approx(scales.max() / 64, rel=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_what_pooling_and_joining_connects_has_one_scale(name: str) -> None:
    model = tiny.quantized(name)
    for layer in model.model.layers:
        if LAYERS[layer.op].same_scale:
            assert all(model.quants[n] == model.quants[layer.name] for n in layer.inputs)
    assert len({model.quants[n] for n in stream_tensors(model.model)}) <= 1


def test_the_stream_is_symmetric_with_headroom() -> None:
    float_model, model = tiny.float_model("reversible"), tiny.quantized("reversible")
    ranges = activation_ranges(float_model, tiny.features(8) * tiny.SCALE)
    streams = stream_tensors(float_model)
    assert streams == {"stem_a", "stem_b", "f0", "g0", "f1", "g1"}
    top = max(max(-ranges[n][0], ranges[n][1]) for n in streams)
    for name in streams:
        assert model.quants[name].zero_point == 0
        assert model.quants[name].scale[0] * 32767 == pytest.approx(STREAM_HEADROOM * top)


def test_what_joins_the_input_has_its_scale() -> None:
    pool = Layer("pool", "average_pool", ("features",), {"pool": [2, 2], "strides": [2, 2]})
    model = replace(tiny.float_model("plain"), layers=(pool,), output="pool", weights={})
    given_quant = Quant((0.5,), 7)
    ranges = {"features": (-1.0, 1.0), "pool": (-1.0, 1.0)}
    assert quantize(model, ranges, given_quant, 4).quants["pool"] == given_quant


def test_logits_have_headroom() -> None:
    float_model, model = tiny.float_model("plain"), tiny.quantized("plain")
    low, high = activation_ranges(float_model, tiny.features(8) * tiny.SCALE)["logits"]
    assert model.quants["logits"].scale[0] * 255 == pytest.approx(LOGIT_HEADROOM * (high - low))


def test_spare_rows_are_empty() -> None:
    model = tiny.quantized("plain", classes=9)
    assert model.weights["logits"].shape == (9, 7)
    assert not model.weights["logits"][4:].any()
    assert not model.biases["logits"][4:].any()
    assert (model.scales["logits"][4:] == np.median(model.scales["logits"][:4])).all()
    assert np.array_equal(model.weights["logits"][:4], tiny.quantized("plain", 4).weights["logits"])


def test_spare_rows_neither_win_nor_learn() -> None:
    model = tiny.quantized("plain", classes=9)
    options = Options(rate=0.1)
    program = compile_model(model, tiny.gradient_ranges(model, RangeMode.RELATIVE), options)
    device = Reference(program)
    for step, x in enumerate(tiny.features(8)):
        assert device.predict(x) < 4
        device.train_step(x, step % 4)
    assert not device.values["logits.w"][4:].any()
    assert not device.values["logits.b"][4:].any()
    with pytest.raises(MynaError, match="label 4"):
        device.train_step(x, 4)


def test_fewer_classes_than_labels_are_refused() -> None:
    with pytest.raises(MynaError, match="fewer than its 4 labels"):
        tiny.quantized("plain", classes=3)


@pytest.mark.parametrize("name", NAMES)
def test_integer_inference_follows_float(name: str) -> None:
    float_model, model = tiny.float_model(name), tiny.quantized(name)
    program = compile_model(
        model, tiny.gradient_ranges(model, RangeMode.RELATIVE), Options(train="head")
    )
    device, scale = Reference(program), model.quants["logits"].scale[0]
    errors, sizes = [], []
    for x in tiny.features(8):
        real = forward(float_model, x * tiny.SCALE)["logits"]
        found = (device.infer(x)[:4].astype(int) - model.quants["logits"].zero_point) * scale
        errors.append(np.abs(found - real).max())
        sizes.append(np.abs(real).max())
    assert np.mean(errors) < 0.05 * np.mean(sizes)


def test_calibration_covers_zero_and_the_quantile() -> None:
    model = tiny.float_model("plain")
    samples = tiny.features(4) * tiny.SCALE
    exact, trimmed = (activation_ranges(model, samples, q) for q in (1.0, 0.99))
    for name, (low, high) in exact.items():
        assert low <= 0 <= high
        assert low <= trimmed[name][0] <= trimmed[name][1] <= high
    values = np.concatenate([forward(model, s)["stem"].reshape(-1) for s in samples])
    assert exact["stem"] == (0.0, values.max())


# -- lower -----------------------------------------------------------------------------------------


def with_layers(model: QuantizedModel, layers: Iterable[Layer]) -> QuantizedModel:
    return replace(model, model=replace(model.model, layers=tuple(layers)))


def test_an_op_without_integer_form_is_named() -> None:
    model = tiny.quantized("plain")
    layers = [replace(la, op="gelu") if la.name == "pool" else la for la in model.model.layers]
    with pytest.raises(MynaError, match="op gelu has no integer form") as error:
        lower(with_layers(model, layers))
    assert "pool" in error.value.where


@pytest.mark.parametrize("name", ["stem", "pool"])
def test_windows_that_c_cannot_describe_are_refused(name: str) -> None:
    model = tiny.quantized("plain")
    layers = [
        replace(la, attrs={**la.attrs, "strides": [256, 1]}) if la.name == name else la
        for la in model.model.layers
    ]
    with pytest.raises(MynaError, match="beyond 255") as error:
        lower(with_layers(model, layers))
    assert error.value.where.endswith(f"layer {name}")


@pytest.mark.parametrize("name", ["wide", "split", "flat"])
def test_what_only_moves_values_keeps_their_quantization(name: str) -> None:
    model = tiny.quantized("branched")
    other = replace(model, quants={**model.quants, name: Quant((0.3,), 3)})
    with pytest.raises(MynaError, match="another quantization than its input") as error:
        lower(other)
    assert error.value.where.endswith(f"layer {name}")


@pytest.mark.parametrize(
    ("name", "what"), [("sum", "adds at scale"), ("mean", "changes the scale")]
)
def test_a_scale_too_small_for_the_sum_is_refused(name: str, what: str) -> None:
    model = tiny.quantized("branched")
    with pytest.raises(MynaError, match=what) as error:
        lower(replace(model, quants={**model.quants, name: Quant((1e-9,), 0)}))
    assert error.value.where.endswith(f"layer {name}")


def test_a_reshape_that_only_dense_layers_read_is_no_op() -> None:
    names = {node.name for node in lower(tiny.quantized("branched")).nodes}
    assert "split" in names
    assert "flat" not in names


def test_a_flattened_map_is_joined_behind_all_of_another() -> None:
    layers = (
        *(Layer(name, "flatten", ("features",)) for name in "ab"),
        Layer("both", "concat", ("a", "b")),
    )
    model = replace(tiny.float_model("plain"), layers=layers, output="both", weights={})
    ranges = dict.fromkeys(("features", "a", "b", "both"), (-1.0, 1.0))
    graph = lower(quantize(model, ranges, Quant((0.5,), 7), 4))
    x = np.arange(tiny.FRAMES * tiny.BANDS, dtype=np.int8).reshape(tiny.FRAMES, tiny.BANDS, 1)
    values = initial_values(graph) | {"features": x}
    run(graph.nodes, values)
    assert values["both"].tolist() == [*x.ravel(), *x.ravel()]


@pytest.mark.parametrize(("name", "position"), [("pool_a", 0), ("f0_dw", 0), ("g1", 1)])
def test_a_layer_that_reads_the_stream_directly_is_refused(name: str, position: int) -> None:
    model = tiny.quantized("reversible")
    layers = []
    for layer in model.model.layers:
        inputs = list(layer.inputs)
        if layer.name == name:
            inputs[position] = "stem_a"
        layers.append(replace(layer, inputs=tuple(inputs)))
    with pytest.raises(MynaError, match="int16 stream stem_a") as error:
        lower(with_layers(model, layers))
    assert error.value.where.endswith(f"layer {name}")


def test_an_accumulator_that_could_overflow_is_refused() -> None:
    model = tiny.quantized("plain")
    wide = np.zeros((6, 60000), np.int8)
    with pytest.raises(MynaError, match="60000 products per output cannot") as error:
        lower(replace(model, weights={**model.weights, "logits": wide}))
    assert "logits" in error.value.where


def test_the_overflow_proof_holds_at_its_limit() -> None:
    from myna.ops.sgd import BIAS_MAX  # noqa: PLC0415

    taps = (fixed.SMALL - 1 - BIAS_MAX) // (255 * 127)
    model = tiny.quantized("plain")
    for count, refused in ((taps, False), (taps + 1, True)):
        weights = {**model.weights, "logits": np.zeros((6, count), np.int8)}
        with pytest.raises(MynaError) as error:
            lower(replace(model, weights=weights))
        assert ("cannot be proven" in error.value.what) == refused


def test_a_multiplier_above_one_is_refused() -> None:
    model = tiny.quantized("plain")
    scales = {**model.scales, "pw": model.scales["pw"] * 1e4}
    with pytest.raises(MynaError, match="scales its accumulator up") as error:
        lower(replace(model, scales=scales))
    assert "pw" in error.value.where


def test_activations_become_clamps() -> None:
    model = tiny.quantized("plain")
    ops = {node.name: node.op for node in lower(model).nodes}
    zero = {name: model.quants[name].zero_point for name in ("stem", "pw", "logits")}
    assert (ops["stem"].low, ops["stem"].high) == (zero["stem"], 127)  # type: ignore[attr-defined]
    six = min(127, quantized_six(model.quants["pw"]))
    assert (ops["pw"].low, ops["pw"].high) == (zero["pw"], six)  # type: ignore[attr-defined]
    assert (ops["logits"].low, ops["logits"].high) == (-128, 127)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("top", "mask"), [(6.0, 127), (6.1, 123), (5.9, NO_HIGH)])
def test_a_relu6_blocks_gradients_wherever_its_bound_lies(top: float, mask: int) -> None:
    float_model, maps = tiny.float_model("plain"), tiny.features(4) * tiny.SCALE
    ranges = {**activation_ranges(float_model, maps), "pw": (0.0, top), "pool": (0.0, top)}
    graph = training_graph(quantize(float_model, ranges, Quant((tiny.SCALE,)), 4), 0.02)
    (node,) = (n for n in graph.nodes if isinstance(n.op, ClampGrad) and n.inputs[1] == "pw")
    assert (node.op.low, node.op.high) == (-128, mask)  # type: ignore[attr-defined]
