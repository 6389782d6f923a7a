# SPDX-License-Identifier: Apache-2.0
"""Budgets of memory and work: they are kept, training is the same, and no better choice exists."""

from __future__ import annotations

from functools import cache
from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from myna import fixed
from myna.device.target import PROJECT
from myna.engines.reference import Reference
from myna.errors import MynaError
from myna.ir import Array, Graph, Kind
from myna.ops.gradient import NO_HIGH, ClampGrad, StreamClampGrad
from myna.ops.requantize import Requantize
from myna.package.budget import fit_ram
from myna.package.needs import Needs
from myna.package.package import load_package
from myna.passes.check import check
from myna.passes.macs import macs
from myna.passes.memory.masks import mask_by_streams, threshold
from myna.passes.memory.plan import Program, peak, phases
from myna.passes.memory.recompute import recompute
from myna.passes.memory.schedule import schedule
from myna.passes.pipeline import Compiler, Options, compile_model
from myna.passes.training.hindsight import RangeMode
from myna.passes.training.knapsack import Demand, Layer, best_set
from myna.passes.training.select import Contribution, layers_of, trained_tensors
from support import tiny

each_network = pytest.mark.parametrize("name", ["plain", "reversible"])


def compiled(name: str, options: Options) -> Program:
    return compiler(name).compile(options)


@cache
def compiler(name: str) -> Compiler:
    model = tiny.quantized(name)
    gains = {layer: Contribution(1.0, 1) for layer in body(name)}
    ranges = tiny.gradient_ranges(model, RangeMode.RELATIVE)
    return Compiler(model, ranges, Options(), contributions=gains)


def body(name: str) -> list[str]:
    return [layer.name for layer in tiny.float_model(name).layers][:-1]


def model_program(name: str, options: Options) -> Program:
    package = load_package(PROJECT / "models" / name)
    ranges = package.ranges[RangeMode.RELATIVE]
    return compile_model(package.model, ranges, options, package.knowledge, package.contributions)


def work(program: Program) -> int:
    return macs(program.graph, program.graph.nodes)


def trained(program: Program) -> dict[str, bytes]:
    """Every state tensor after four steps of a tiny network."""
    return after(program, tiny.features(4))


def after(program: Program, maps: Array) -> dict[str, bytes]:
    """Every state tensor after a step on each feature map."""
    device = Reference(program)
    for step, x in enumerate(maps):
        device.train_step(x, step % 4)
    state, tensors = device.read_state(), program.graph.tensors
    return {n: state[o : o + tensors[n].nbytes] for n, o in program.state.items()}


# -- store, invert, recompute ----------------------------------------------------------------------


def test_a_budget_changes_memory_and_work_but_no_bit() -> None:
    inverted = compiled("plain", Options())
    expected = trained(inverted)
    least = next(
        r for r in range(700, 1500, 4) if compiled("plain", Options(memory=r)).ram_bytes <= r
    )
    assert least < inverted.ram_bytes
    tight, ample = (compiled("plain", Options(memory=ram)) for ram in (least, inverted.ram_bytes))
    assert tight.ram_bytes <= least
    assert work(tight) > work(ample) == work(inverted)
    assert trained(tight) == trained(ample) == expected


@pytest.mark.parametrize("ram", [139_900, 170_000, 300_000])
def test_kws_trains_alike_in_every_budget(ram: int) -> None:
    """Values recomputed, blocks inverted in part, everything stored."""
    inverted, program = (model_program("kws", Options(memory=r, replay=0)) for r in (None, ram))
    assert program.ram_bytes <= ram
    assert len(program.graph.nodes) != len(inverted.graph.nodes)
    maps = np.random.default_rng(0).integers(-100, 101, (2, 49, 20, 1)).astype(np.int8)
    assert after(program, maps) == after(inverted, maps)


def test_much_memory_stores_everything() -> None:
    stored = compiled("reversible", Options(store_all=True))
    assert work(compiled("reversible", Options(memory=1 << 20))) == work(stored)
    assert work(stored) < work(compiled("reversible", Options()))


def test_part_of_the_memory_stores_a_part() -> None:
    most, least, between = (
        work(model_program("kws", Options(replay=0, **options)))  # type: ignore[arg-type]
        for options in ({"store_all": True}, {}, {"memory": 170_000})
    )
    assert most < between < least


@pytest.mark.parametrize(("name", "share"), [("kws", 0.9), ("ds_cnn", 0.71)])
def test_the_models_fit_less_than_inverting_or_storing_takes(name: str, share: float) -> None:
    whole = model_program(name, Options(replay=0))
    budget = whole.state_bytes + round(share * whole.arena_bytes)
    program = model_program(name, Options(memory=budget, replay=0))
    assert program.ram_bytes <= budget
    assert program.arena_bytes <= 1.02 * program.arena_lower_bound
    assert work(program) <= 1.03 * work(whole)


# -- order -----------------------------------------------------------------------------------------


@each_network
@pytest.mark.parametrize("mode", list(RangeMode))
def test_another_order_gives_the_same_step(name: str, mode: RangeMode) -> None:
    model = tiny.quantized(name)
    ranges = tiny.gradient_ranges(model, mode)
    program = compile_model(model, ranges, Options(ranges=mode, rate=0.05))
    moved = check(schedule(program.graph))
    begin, _ = phases(program.graph)
    assert moved.nodes[: begin + 1] == program.graph.nodes[: begin + 1]
    assert set(moved.nodes) == set(program.graph.nodes)
    x = tiny.features(1)[0]
    devices = [Reference(program), Reference(_with_graph(program, moved))]
    for device in devices:
        device.train_step(x, 1)
    assert devices[0].read_state() == devices[1].read_state()


def _with_graph(program: Program, graph: Graph) -> Program:
    return Program(**{**vars(program), "graph": graph})


def test_what_takes_memory_waits_for_what_frees_it() -> None:
    """Copies of a stream are made again behind the sums that take no memory."""
    step = mask_by_streams(model_program("kws", Options(replay=0)).graph)
    copies = [name for name in step.tensors if name.endswith("_in~")]
    again = recompute(step, dict.fromkeys(copies, 9))
    assert peak(check(schedule(again))) < peak(again) - 5000


# -- masks -----------------------------------------------------------------------------------------


@given(factor=st.floats(1e-4, 1.5), zero=st.integers(-128, 127))
def test_the_stream_masks_as_its_copy_does(factor: float, zero: int) -> None:
    multiplier = fixed.requantize_multiplier(factor)
    relu = Requantize("int16", "int8", *multiplier, 0, zero, zero, 127)
    stream = np.arange(-32768, 32768).astype(np.int16)
    gradient = np.full(stream.shape, 7, np.int8)
    (copy,) = relu.reference(stream)
    (expected,) = ClampGrad(zero, NO_HIGH).reference(gradient, copy)
    by_stream = StreamClampGrad(threshold(relu, zero), 32768)
    assert np.array_equal(by_stream.reference(gradient, stream)[0], expected)


def test_masks_no_longer_wait_for_copies() -> None:
    program = compiled("reversible", Options())
    masked = check(mask_by_streams(program.graph))
    kinds = [type(node.op) for node in masked.nodes]
    assert kinds.count(StreamClampGrad) == 6
    assert trained(_with_graph(program, masked)) == trained(program)


# -- what to train ---------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.data())
def test_no_affordable_set_brings_more(data: st.DataObject) -> None:
    """Against every set there is; arenas depend on the deepest layer, some on others."""
    count = data.draw(st.integers(1, 7))
    numbers = st.integers(1, 20)
    gains, own_ram, own_macs, arena = ([data.draw(numbers) for _ in range(count)] for _ in range(4))
    arena = sorted(arena, reverse=True)
    surprise = data.draw(st.integers(0, 5))
    layers = [
        Layer(str(i), float(g), Demand(r, m))
        for i, (g, r, m) in enumerate(zip(gains, own_ram, own_macs, strict=True))
    ]

    def measure(names: frozenset[str]) -> Demand:
        chosen = [layers[int(name)].demand for name in names]
        deepest = min(map(int, names))
        extra = surprise if len(names) > 3 else 0
        ram = arena[deepest] + extra + sum(d.ram for d in chosen)
        return Demand(ram, 10 * (count - deepest) + sum(d.macs for d in chosen))

    limit = Demand(data.draw(st.integers(1, 90)), data.draw(st.integers(1, 120)))
    names = [layer.name for layer in layers]
    sets = chain.from_iterable(combinations(names, n) for n in range(1, count + 1))
    affordable = [frozenset(s) for s in sets if measure(frozenset(s)).fits(limit)]

    def gain(chosen: frozenset[str]) -> float:
        return sum(gains[int(name)] for name in chosen)

    found = best_set(layers, measure, limit)
    assert not found or measure(found).fits(limit)
    if surprise == 0:
        assert gain(found) == max(map(gain, affordable), default=0)
    assert bool(found) == bool(affordable)


@each_network
def test_auto_keeps_both_budgets(name: str) -> None:
    everything, head = (compiled(name, Options(train=plan)) for plan in ("all", "head"))
    for share in (0.3, 0.7):
        ram = round(head.ram_bytes + share * (everything.ram_bytes - head.ram_bytes))
        time = round(work(head) + share * (work(everything) - work(head)))
        program = compiled(name, Options(train="auto", memory=ram, macs=time))
        assert program.ram_bytes <= ram
        assert work(program) <= time
    assert len(layers_of(trained_tensors(program.graph))) > 1


def test_auto_is_held_to_all_of_the_ram() -> None:
    package, ram = load_package(PROJECT / "models" / "ds_cnn"), 80_000
    fitted, chosen = fit_ram(package, Options(train="auto", ram=ram))
    parts = (fitted.ranges_of(chosen.ranges), chosen, fitted.knowledge, fitted.contributions)
    program = compile_model(fitted.model, *parts)
    assert Needs.of(program, has_front_end=True).total(chosen.clips) <= ram
    # small ones: every layer brings something, and those after the stem need its memory anyway
    assert layers(program) == ["stem", "b0_dw", "b1_dw", "b2_dw", "b3_dw", "logits"]


def test_auto_without_budgets_trains_all_that_helps() -> None:
    assert layers(compiled("plain", Options(train="auto"))) == ["stem", "dw", "pw", "logits"]


def test_no_time_for_the_head_is_an_error() -> None:
    needed = work(compiled("plain", Options(train="head")))
    assert layers(compiled("plain", Options(train="auto", macs=needed))) == ["logits"]
    with pytest.raises(MynaError, match=f"{needed:,} multiply-accumulates"):
        compiled("plain", Options(train="auto", macs=needed - 1))


def layers(program: Program) -> list[str]:
    return layers_of(trained_tensors(program.graph))


def test_exact_choices_beat_adding_the_best_layers_one_by_one() -> None:
    """kws at 90,500 bytes: layers in order of gain per byte, where they fit, bring 10.37 points."""
    package = load_package(PROJECT / "models" / "kws")
    assert package.contributions is not None
    program = model_program("kws", Options(train="ram-90500", replay=0))
    assert program.ram_bytes <= 90500
    assert sum(package.contributions[name].gain for name in layers(program)[:-1]) > 10.5


def test_state_tensors_of_every_form_are_the_same() -> None:
    names = [
        {t.name for t in compiled("reversible", o).graph.of_kind(Kind.STATE)}
        for o in (Options(), Options(store_all=True), Options(memory=1 << 20))
    ]
    assert names[0] == names[1] == names[2]
