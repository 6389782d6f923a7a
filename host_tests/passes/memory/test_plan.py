# SPDX-License-Identifier: Apache-2.0
"""No two live tensors share memory, the arena is tight, and the plan does not change results."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from myna.device.target import PROJECT
from myna.engines.reference import Reference
from myna.errors import MynaError
from myna.ir import Graph, Kind
from myna.names import LOSS
from myna.package.package import load_package
from myna.passes.check import check
from myna.passes.memory.plan import ALIGNMENT, Program, plan
from myna.passes.pipeline import Options, compile_model
from myna.passes.training.hindsight import RangeMode
from support import elementwise, tiny

OPTIONS = {
    "all": Options(),
    "dynamic": Options(ranges=RangeMode.DYNAMIC),
    "store-all": Options(store_all=True),
    "head": Options(train="head"),
    "bias": Options(train="bias"),
}
MODELS = [path.parent for path in sorted((PROJECT / "models").glob("*/int8.npz"))]


def compiled(name: str, options: Options) -> Program:
    model = tiny.quantized(name)
    return compile_model(model, tiny.gradient_ranges(model, RangeMode.RELATIVE), options)


def live(graph: Graph) -> dict[str, tuple[int, int]]:
    """First and last moment of every value, found by looking at each moment in turn.

    A value is live at a node that reads or writes it, and between; inputs from before the first
    node, outputs until after the last.
    """
    moments: dict[str, set[int]] = {}
    for tensor in graph.tensors.values():
        if tensor.kind in (Kind.INPUT, Kind.VALUE):
            moments[tensor.name] = {-1} if tensor.kind is Kind.INPUT else set()
    for index, node in enumerate(graph.nodes):
        for name in (*node.inputs, *node.outputs):
            if name in moments:
                moments[name].add(index)
    for name in graph.outputs:
        moments[name].add(len(graph.nodes))
    return {name: (min(when), max(when)) for name, when in moments.items()}


def in_place(graph: Graph) -> set[tuple[str, str, int]]:
    """Input, output and moment of every pair that an op may keep in one place.

    An op that reads a tensor twice may overwrite what it has yet to read.
    """
    return {
        (node.inputs[i], node.outputs[o], index)
        for index, node in enumerate(graph.nodes)
        for i, o in node.op.shares
        if node.inputs.count(node.inputs[i]) == 1
    }


def assert_sound(program: Program) -> None:
    graph, lives, shares = program.graph, live(program.graph), in_place(program.graph)
    assert program.arena.keys() == lives.keys()
    span = {n: (o, o + graph.tensors[n].nbytes) for n, o in program.arena.items()}
    for a, b in combinations(lives, 2):
        first, last = max(lives[a][0], lives[b][0]), min(lives[a][1], lives[b][1])
        if first > last or span[a][0] >= span[b][1] or span[b][0] >= span[a][1]:
            continue
        handed_over = first == last and {(a, b, first), (b, a, first)} & shares
        assert handed_over, f"{a} and {b} overlap at node {first}"
        assert span[a] == span[b]
    assert all(offset % ALIGNMENT == 0 for offset in program.arena.values())
    assert max(end for _, end in span.values()) <= program.arena_bytes


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", ["plain", "reversible"])
def test_live_tensors_do_not_overlap(name: str, option: str) -> None:
    program = compiled(name, OPTIONS[option])
    assert_sound(program)
    assert program.arena_lower_bound <= program.arena_bytes <= 1.02 * program.arena_lower_bound


@pytest.mark.parametrize("folder", MODELS, ids=lambda folder: folder.name)
@pytest.mark.parametrize("option", ["all", "store-all"])
def test_models_are_planned_close_to_the_bound(folder: object, option: str) -> None:
    package = load_package(folder)  # type: ignore[arg-type]
    ranges = package.ranges[RangeMode.RELATIVE]
    program = compile_model(package.model, ranges, OPTIONS[option])
    assert_sound(program)
    assert program.arena_bytes <= 1.02 * program.arena_lower_bound


def bytes_live(program: Program) -> list[int]:
    """Bytes needed at every moment when an in-place result takes its input's place."""
    graph, lives = program.graph, live(program.graph)
    needed = []
    for moment in range(-1, len(graph.nodes) + 1):
        present = {n for n, (start, end) in lives.items() if start <= moment <= end}
        replaced = {
            a
            for a, b, when in in_place(graph)
            if when == moment and {a, b} <= present and program.arena[a] == program.arena[b]
        }
        sizes = [graph.tensors[n].nbytes for n in present - replaced]
        needed.append(sum(-(-size // ALIGNMENT) * ALIGNMENT for size in sizes))
    return needed


@pytest.mark.parametrize("name", ["plain", "reversible"])
def test_lower_bound_is_the_largest_need(name: str) -> None:
    program = compiled(name, Options())
    assert max(bytes_live(program)) == program.arena_lower_bound


@pytest.mark.parametrize("name", ["plain", "reversible"])
def test_state_is_laid_out_without_gaps_or_overlaps(name: str) -> None:
    program = compiled(name, Options())
    states = {t.name: t for t in program.graph.of_kind(Kind.STATE)}
    assert program.state.keys() == states.keys()
    spans = sorted((offset, offset + states[n].nbytes) for n, offset in program.state.items())
    assert spans[0][0] == 0
    assert all(end == begin for (_, end), (begin, _) in pairwise(spans))
    assert 0 <= program.state_bytes - spans[-1][1] < ALIGNMENT
    for name_, offset in program.state.items():
        assert offset % np.dtype(states[name_].dtype).itemsize == 0


def test_state_survives_a_round_trip() -> None:
    program = compiled("plain", Options())
    one, two = Reference(program), Reference(program)
    for step, x in enumerate(tiny.features(3)):
        one.train_step(x, step)
    two.write_state(one.read_state())
    assert two.read_state() == one.read_state()
    x = tiny.features(1, seed=8)[0]
    assert one.train_step_digests(x, 2) == two.train_step_digests(x, 2)
    with pytest.raises(MynaError, match="does not fit"):
        two.write_state(one.read_state()[:-1])


def test_results_do_not_depend_on_the_plan() -> None:
    program = compiled("reversible", Options())
    overlaid = replace(program, arena=dict.fromkeys(program.arena, 0))
    devices = [Reference(p) for p in (program, overlaid)]
    for step, x in enumerate(tiny.features(3)):
        first, second = (device.train_step_digests(x, step) for device in devices)
        assert first == second


def test_inference_is_the_part_before_the_loss() -> None:
    program = compiled("plain", Options())
    assert program.graph.nodes[program.forward_nodes].name == LOSS
    logits = program.graph.outputs[0]
    made = [n for node in program.graph.nodes[: program.forward_nodes] for n in node.outputs]
    assert logits in made


@settings(max_examples=150)
@given(graph=elementwise.graphs((3, 8, 21), 14, backward=False))
def test_random_graphs_are_planned_soundly(graph: Graph) -> None:
    program = plan(check(graph))
    assert_sound(program)
    assert program.arena_bytes >= program.arena_lower_bound
