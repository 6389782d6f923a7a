# SPDX-License-Identifier: Apache-2.0
"""The passes over a training step: autodiff, hindsight, select, prune."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from myna import fixed
from myna.engines.reference import Reference
from myna.errors import MynaError
from myna.ir import Graph, Kind, Quant
from myna.layers.base import Layer
from myna.ops.base import GradOp, pair
from myna.ops.ranges import DynamicScale, HindsightScale, ProbeScale, RangeUpdate
from myna.ops.sgd import Advance
from myna.passes.lowering.quantize import quantize
from myna.passes.pipeline import Options, compile_model, training_graph
from myna.passes.prune import prune
from myna.passes.training.hindsight import RangeMode, calibrate, dynamic_gradients, hindsight
from myna.passes.training.select import select, trained_tensors
from support import tiny

NAMES = ["plain", "reversible"]
WIDE = {"strides": [1, 1], "padding": "same", "activation": "linear"}
PLAIN_WEIGHTS = [f"{layer}.{part}" for layer in ("stem", "dw", "pw", "logits") for part in "wb"]


def hindsight_graph(name: str, mode: RangeMode = RangeMode.RELATIVE) -> Graph:
    model = tiny.quantized(name)
    graph = training_graph(model, 0.02)
    return hindsight(graph, tiny.gradient_ranges(model, mode), mode)


def kinds(graph: Graph, kind: type) -> int:
    return sum(isinstance(node.op, kind) for node in graph.nodes)


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


def test_random_numbers_of_a_tensor_depend_on_its_name_alone() -> None:
    graph = training_graph(tiny.quantized("plain"), 0.02)
    updates = {n.name: n.op for n in graph.nodes if n.name.endswith(".update")}
    for name, op in updates.items():
        expected = zlib.crc32(name.removesuffix(".update").encode()) & 0x7FFFFFFF
        assert op.tag == expected  # type: ignore[attr-defined]


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


@pytest.mark.parametrize(("shape", "fits"), [((255, 257), True), ((256, 256), False)])
def test_a_weight_gradient_of_too_many_positions_is_refused(
    shape: tuple[int, int], fits: bool
) -> None:
    """A kernel counts 65,535; 66,311 would fit int32."""
    pool = {"pool": list(shape), "strides": list(shape), "padding": "valid"}
    layers = (
        Layer("wide", "conv2d", ("features",), WIDE | {"filters": 1, "kernel": [1, 1]}),
        Layer("pool", "average_pool", ("wide",), pool),
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
        tiny.float_model("plain"), layers=layers, input_shape=(*shape, 1), weights=weights
    )
    ranges = dict.fromkeys(("features", "wide", "pool", "flat", "logits"), (-4.0, 4.0))
    quantized = quantize(model, ranges, Quant((0.03,)), 4)
    if fits:
        assert training_graph(quantized, 0.02).nodes
        return
    with pytest.raises(MynaError, match="65536 terms") as error:
        training_graph(quantized, 0.02)
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
