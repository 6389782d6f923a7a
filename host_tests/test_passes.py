# SPDX-License-Identifier: Apache-2.0
"""The passes one by one: quantize, lower, autodiff, hindsight, select, prune."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from myna import fixed
from myna.errors import MynaError
from myna.frontend.model import Layer
from myna.interpret import Reference
from myna.ir import Graph, Kind, Quant
from myna.ops import (
    Advance,
    DynamicScale,
    GradOp,
    HindsightScale,
    ProbeScale,
    RangeUpdate,
)
from myna.ops.base import pair
from myna.passes.calibrate import activation_ranges, forward
from myna.passes.hindsight import RangeMode, calibrate, dynamic_gradients, hindsight
from myna.passes.lower import lower
from myna.passes.prune import prune
from myna.passes.quantize import (
    LOGIT_HEADROOM,
    STREAM_HEADROOM,
    QuantizedModel,
    affine,
    quantize,
    stream_tensors,
)
from myna.passes.select import select, trained_tensors
from myna.pipeline import Options, compile_model, training_graph

NAMES = ["plain", "reversible"]
WIDE = {"strides": [1, 1], "padding": "same", "activation": "linear"}
PLAIN_WEIGHTS = [f"{layer}.{part}" for layer in ("stem", "dw", "pw", "logits") for part in "wb"]


def hindsight_graph(name: str, mode: RangeMode = RangeMode.RELATIVE) -> Graph:
    model = tiny.quantized(name)
    graph = training_graph(model, 0.02)
    return hindsight(graph, tiny.gradient_ranges(model, mode), mode)


def kinds(graph: Graph, kind: type) -> int:
    return sum(isinstance(node.op, kind) for node in graph.nodes)


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
        if layer.op in ("average_pool", "flatten", "concat"):
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
    layers = [replace(la, op="add") if la.name == "pool" else la for la in model.model.layers]
    with pytest.raises(MynaError, match="op add has no integer form") as error:
        lower(with_layers(model, layers))
    assert "pool" in error.value.where


def test_overlapping_pools_are_refused() -> None:
    model = tiny.quantized("plain")
    layers = [
        replace(la, attrs={**la.attrs, "strides": [1, 1]}) if la.name == "pool" else la
        for la in model.model.layers
    ]
    with pytest.raises(MynaError, match="overlap") as error:
        lower(with_layers(model, layers))
    assert "pool" in error.value.where


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

    taps = (fixed.INT32_MAX - BIAS_MAX) // (255 * 127)
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
    six = min(127, round(6 / model.quants["pw"].scale[0]) + zero["pw"])
    assert (ops["pw"].low, ops["pw"].high) == (zero["pw"], six)  # type: ignore[attr-defined]
    assert (ops["logits"].low, ops["logits"].high) == (-128, 127)  # type: ignore[attr-defined]


# -- autodiff and hindsight ------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_is_trained_once(name: str) -> None:
    model = tiny.quantized(name)
    graph = training_graph(model, 0.02)
    expected = {f"{layer}.{part}" for layer in model.weights for part in "wb"}
    assert set(trained_tensors(graph)) == expected
    updates = [name for node in graph.nodes for name in node.updates if name in expected]
    assert sorted(updates) == sorted(expected)
    assert kinds(graph, Advance) == 1


@pytest.mark.parametrize("name", NAMES)
def test_no_gradient_is_computed_for_the_features(name: str) -> None:
    graph = training_graph(tiny.quantized(name), 0.02)
    assert not any(tensor.startswith("d_features") for tensor in graph.tensors)


@pytest.mark.parametrize("name", NAMES)
def test_dynamic_ranges_run_every_gradient_twice(name: str) -> None:
    graph = hindsight_graph(name, RangeMode.DYNAMIC)
    gradients = dynamic_gradients(graph)
    assert gradients
    assert kinds(graph, GradOp) == 2 * len(gradients)
    assert kinds(graph, DynamicScale) == kinds(graph, ProbeScale) == len(gradients)
    assert kinds(graph, HindsightScale) == kinds(graph, RangeUpdate) == 0


@pytest.mark.parametrize("mode", [RangeMode.RELATIVE, RangeMode.PLAIN])
@pytest.mark.parametrize("name", NAMES)
def test_hindsight_runs_every_gradient_once(name: str, mode: RangeMode) -> None:
    gradients = dynamic_gradients(hindsight_graph(name, RangeMode.DYNAMIC))
    graph = hindsight_graph(name, mode)
    assert kinds(graph, GradOp) == len(gradients)
    assert kinds(graph, ProbeScale) == kinds(graph, DynamicScale) == 0
    assert kinds(graph, HindsightScale) == kinds(graph, RangeUpdate) == len(gradients)
    assert not any("probe" in tensor for tensor in graph.tensors)
    for gradient in gradients:
        assert graph.tensors[f"{gradient}.tracked"].kind is Kind.STATE


def test_relative_ranges_follow_the_loss_and_plain_ones_do_not() -> None:
    for mode, base in ((RangeMode.RELATIVE, "dlogits.scale"), (RangeMode.PLAIN, "one")):
        graph = hindsight_graph("plain", mode)
        scales = [n for n in graph.nodes if isinstance(n.op, HindsightScale)]
        assert {node.inputs[1] for node in scales} == {base}


def test_calibration_gives_the_scale_that_dynamic_ranges_find() -> None:
    model = tiny.quantized("plain")
    graph = training_graph(model, 0.0)
    x = tiny.features(1)[0]
    relative, plain = (
        calibrate(graph, [(x, 1)], mode) for mode in (RangeMode.RELATIVE, RangeMode.PLAIN)
    )
    device = Reference(compile_model(model, {}, Options(ranges=RangeMode.DYNAMIC, rate=0.0)))
    device.train_step(x, 1)
    loss_scale = fixed.pair_to_float(pair(device.values["dlogits.scale"]))
    for name, value in plain.items():
        found = fixed.pair_to_float(pair(device.values[f"{name}.scale"]))
        assert value == pytest.approx(found)
        assert relative[name] * loss_scale == pytest.approx(found)


def test_dynamic_ranges_use_the_whole_of_int8() -> None:
    model = tiny.quantized("plain")
    device = Reference(compile_model(model, {}, Options(ranges=RangeMode.DYNAMIC)))
    device.train_step(tiny.features(1)[0], 1)
    for name in dynamic_gradients(device.program.graph):
        assert 126 <= np.abs(device.values[name].astype(int)).max() <= 127


@pytest.mark.parametrize("mode", [RangeMode.RELATIVE, RangeMode.PLAIN])
def test_tracked_ranges_converge_to_the_headroom(mode: RangeMode) -> None:
    model = tiny.quantized("plain")
    ranges = {n: 50 * v for n, v in tiny.gradient_ranges(model, mode).items()}  # far too wide
    device = Reference(compile_model(model, ranges, Options(ranges=mode, rate=0.0)))
    x = tiny.features(1)[0]
    for _ in range(110):
        device.train_step(x, 1)
    for name in ranges:
        assert int(device.values[f"{name}.peak"][0]) == pytest.approx(127 / 2, abs=3)


def test_ranges_recover_from_saturation() -> None:
    model = tiny.quantized("plain")
    ranges = {n: v / 1e4 for n, v in tiny.gradient_ranges(model, RangeMode.RELATIVE).items()}
    device = Reference(compile_model(model, ranges, Options(rate=0.0)))
    x = tiny.features(1)[0]
    for _ in range(60):
        device.train_step(x, 1)
    assert all(int(device.values[f"{name}.peak"][0]) <= 70 for name in ranges)


def test_a_gradient_that_calibration_did_not_see_gets_a_range() -> None:
    model = tiny.quantized("plain")
    ranges = dict.fromkeys(tiny.gradient_ranges(model, RangeMode.RELATIVE), 0.0)
    device = Reference(compile_model(model, ranges, Options(rate=0.0)))
    x = tiny.features(1)[0]
    for _ in range(80):
        device.train_step(x, 1)
    assert all(60 <= int(device.values[f"{name}.peak"][0]) <= 70 for name in ranges)


def test_a_weight_gradient_that_could_overflow_is_refused() -> None:
    side = 260  # 67,600 positions; 66,311 fit
    layers = (
        Layer("wide", "conv2d", ("features",), WIDE | {"filters": 1, "kernel": [1, 1]}),
        Layer("pool", "average_pool", ("wide",), {"pool": [side, side], "strides": [side, side]}),
        Layer("flat", "flatten", ("pool",)),
        Layer("logits", "dense", ("flat",), {"units": 4, "activation": "linear"}),
    )
    weights = {
        "wide/w": np.ones((1, 1, 1, 1), np.float32),
        "wide/b": np.ones(1, np.float32),
        "logits/w": np.ones((1, 4), np.float32),
        "logits/b": np.ones(4, np.float32),
    }
    model = replace(
        tiny.float_model("plain"), layers=layers, input_shape=(side, side, 1), weights=weights
    )
    ranges = dict.fromkeys(("features", "wide", "pool", "flat", "logits"), (-4.0, 4.0))
    with pytest.raises(MynaError, match="67600 terms") as error:
        training_graph(quantize(model, ranges, Quant((0.03,)), 4), 0.02)
    assert "wide" in error.value.where


@given(tops=st.lists(st.integers(1, 1000), min_size=1, max_size=10))
def test_range_update_is_a_moving_average(tops: list[int]) -> None:
    op, tracked, expected = RangeUpdate.of(0.9, 2.0), fixed.pair_from_float(0.5), 0.5
    for top in tops:
        inputs = [np.array(v, np.int32) for v in (fixed.pair_from_float(1.0), [top], tracked)]
        tracked = pair(op.reference(*inputs)[0])
        expected *= 0.9 + 0.1 * 2.0 * top / 127
        assert fixed.pair_to_float(tracked) == pytest.approx(expected, rel=0.01 * len(tops))


# -- select and prune ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "expected"),
    {
        "all": PLAIN_WEIGHTS,
        "head": ["logits.w", "logits.b"],
        "last-1": ["logits.w", "logits.b"],
        "last-2": PLAIN_WEIGHTS[-4:],
        "last-99": PLAIN_WEIGHTS,
        "bias": [name for name in PLAIN_WEIGHTS if name.endswith(".b")],
        "pw.w,logits.b": ["pw.w", "logits.b"],
    }.items(),
)
def test_plans_choose_tensors(plan: str, expected: list[str]) -> None:
    graph = select(hindsight_graph("plain"), plan)
    assert trained_tensors(graph) == expected
    for name in PLAIN_WEIGHTS:
        tensor = graph.tensors[name]
        assert tensor.kind is (Kind.STATE if name in expected else Kind.CONST)
        residual = graph.tensors.get(f"{name}.residual")
        assert (residual is not None) == (name in expected and name.endswith(".w"))


@pytest.mark.parametrize("plan", ["", "nothing", "last-0", "last-", "stem", "pw.w,", "pw.w, dw.w"])
def test_bad_plans_are_refused_with_help(plan: str) -> None:
    with pytest.raises(MynaError, match="no trainable tensor") as error:
        select(hindsight_graph("plain"), plan)
    assert "last-K" in error.value.fix
    assert "pw.w" in error.value.fix


def test_training_less_computes_less() -> None:
    graph = hindsight_graph("plain")
    sizes = {plan: len(select(graph, plan).nodes) for plan in ("head", "last-2", "bias", "all")}
    assert sizes["head"] < sizes["last-2"] < sizes["bias"] < sizes["all"] == len(graph.nodes)
    head = select(graph, "head")
    assert kinds(head, GradOp) == kinds(head, RangeUpdate) == 0


def test_ranges_are_tracked_exactly_where_a_gradient_is_left() -> None:
    graph = select(hindsight_graph("plain"), "last-2")
    gradients = [node.name for node in graph.nodes if isinstance(node.op, GradOp)]
    assert gradients
    tracked = [n.name.removesuffix(".track") for n in graph.nodes if isinstance(n.op, RangeUpdate)]
    assert tracked == gradients
    left = {t.name for t in graph.of_kind(Kind.STATE) if t.name.endswith(".tracked")}
    assert left == {f"{name}.tracked" for name in gradients}


@pytest.mark.parametrize("name", NAMES)
def test_pruning_what_is_needed_changes_nothing(name: str) -> None:
    graph = prune(hindsight_graph(name))
    assert prune(graph) == graph
    assert len(graph.nodes) == len(hindsight_graph(name).nodes)


def test_pruning_drops_what_nobody_reads() -> None:
    graph = hindsight_graph("plain")
    cut = prune(graph.with_nodes(n for n in graph.nodes if not n.name.startswith("stem.")))
    assert trained_tensors(cut) == PLAIN_WEIGHTS[2:]
    assert "d_stem" not in cut.tensors
    assert "d_stem.tracked" not in cut.tensors
    assert "stem.w.residual" not in cut.tensors
