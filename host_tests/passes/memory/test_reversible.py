# SPDX-License-Identifier: Apache-2.0
"""Inversion gives back every bit, and training through it equals training from stored values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from myna import fixed
from myna.engines.reference import Reference
from myna.ir import Array, Node
from myna.names import WRAPS
from myna.ops.coupling import Couple, Uncouple
from myna.passes.lowering.quantize import QuantizedModel
from myna.passes.memory.plan import Program
from myna.passes.memory.reversible import AGAIN
from myna.passes.pipeline import Options, compile_model
from myna.passes.training.hindsight import RangeMode
from support import tiny

INT16 = st.one_of(st.integers(-32768, 32767), st.sampled_from([-32768, -32767, 0, 32766, 32767]))
INT8 = st.one_of(st.integers(-128, 127), st.sampled_from([-128, -127, 126, 127]))
NO_WRAPS = np.zeros(1, np.int32)


@given(
    elements=st.lists(st.tuples(INT16, INT8), min_size=1, max_size=40),
    factor=st.floats(1e-3, 500.0),
    zero=INT8,
)
def test_uncouple_undoes_couple(elements: list[tuple[int, int]], factor: float, zero: int) -> None:
    couple = Couple(*fixed.requantize_multiplier(factor), zero)
    x, branch = (
        np.array(part, kind)
        for part, kind in zip(zip(*elements, strict=True), ("int16", "int8"), strict=True)
    )
    y, wraps = couple.reference(x, branch, NO_WRAPS)
    (again,) = couple.inverse().reference(y, branch)
    assert np.array_equal(again, x)
    added = np.clip(
        [
            int(fixed.requantize(np.array(b - zero), couple.mantissa, couple.shift))
            for b in branch.tolist()
        ],
        -32768,
        32767,
    )
    total = x.astype(np.int64) + added
    assert np.array_equal(y.astype(np.int64), (total + 32768) % 65536 - 32768)
    assert int(wraps[0]) == np.count_nonzero((total < -32768) | (total > 32767))


def test_every_stream_value_survives_every_branch_value() -> None:
    couple = Couple(*fixed.requantize_multiplier(211.7), -37)
    stream = np.arange(-32768, 32768).astype(np.int16)
    for value in (-128, -37, 0, 127):
        branch = np.full(stream.shape, value, np.int8)
        y, _ = couple.reference(stream, branch, NO_WRAPS)
        assert np.array_equal(couple.inverse().reference(y, branch)[0], stream)


# -- whole networks --------------------------------------------------------------------------------


def compiled(
    model: QuantizedModel, *, store_all: bool, mode: RangeMode = RangeMode.RELATIVE
) -> Program:
    options = Options(store_all=store_all, ranges=mode, rate=0.05)
    return compile_model(model, tiny.gradient_ranges(model, mode), options)


def narrow_stream(model: QuantizedModel, factor: float) -> QuantizedModel:
    """The model with a stream scale so small that sums leave int16."""
    streams = {n for n, q in model.quants.items() if f"{n}.int8" in model.quants}
    quants = {
        name: replace(q, scale=(q.scale[0] / factor,)) if name in streams else q
        for name, q in model.quants.items()
    }
    return replace(model, quants=quants)


def record(device: Reference, x: Array, label: int) -> dict[str, Array]:
    """Every value of one training step, by name of the tensor."""
    seen: dict[str, Array] = {}

    def observe(node: Node, outputs: tuple[Array, ...]) -> None:
        seen.update({name: o.copy() for name, o in zip(node.outputs, outputs, strict=True)})

    device.train_step(x, label, observe)
    return seen


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), extreme=st.booleans())
def test_recomputed_values_are_those_of_the_forward_pass(seed: int, extreme: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = (tiny.FRAMES, tiny.BANDS, 1)
    x = rng.choice([-128, 127], shape) if extreme else rng.integers(-128, 128, shape)
    seen = record(Reference(PROGRAM), x.astype(np.int8), seed % 4)
    again = [name for name in seen if name.endswith(AGAIN)]
    assert len(again) >= 10
    for name in again:
        assert np.array_equal(seen[name], seen[name.removesuffix(AGAIN)]), name


PROGRAM = compiled(tiny.quantized("reversible"), store_all=False)


@pytest.mark.parametrize("mode", list(RangeMode))
@pytest.mark.parametrize("factor", [1.0, 16.0], ids=["calm", "wrapping"])
def test_training_equals_storing_all_activations(factor: float, mode: RangeMode) -> None:
    model = narrow_stream(tiny.quantized("reversible"), factor)
    inverting, storing = (
        Reference(compiled(model, store_all=flag, mode=mode)) for flag in (False, True)
    )
    assert inverting.program.state == storing.program.state
    start = inverting.read_state()
    for step, x in enumerate(tiny.features(8, seed=2)):
        losses = [device.train_step(x, step % 4) for device in (inverting, storing)]
        assert losses[0] == losses[1]
        assert inverting.read_state() == storing.read_state(), f"step {step}"
    assert inverting.read_state() != start
    assert (int(inverting.values[WRAPS][0]) > 0) == (factor > 1)


def test_wraps_are_counted_once_per_forward_pass() -> None:
    device = Reference(compiled(narrow_stream(tiny.quantized("reversible"), 16.0), store_all=False))
    x = tiny.features(1, seed=2)[0]
    device.infer(x)
    once = int(device.values[WRAPS][0])
    assert once > 0
    device.train_step(x, 0)  # the weights have not changed before this forward pass
    assert int(device.values[WRAPS][0]) == 2 * once


def test_inverting_saves_memory() -> None:
    model = tiny.quantized("reversible")
    stored = compiled(model, store_all=True)
    assert PROGRAM.arena_bytes < 0.8 * stored.arena_bytes
    assert PROGRAM.state_bytes == stored.state_bytes


def test_no_stream_value_is_kept_for_the_backward_pass() -> None:
    graph, forward = PROGRAM.graph, PROGRAM.forward_nodes
    streams = [n.outputs[0] for n in graph.nodes if isinstance(n.op, Couple)]
    for node in graph.nodes[forward:]:
        stored = set(streams[:-2]).intersection(node.inputs)
        assert not stored, f"{node.name} reads {stored}"
    # nobody asks for what the first coupling began with
    assert sum(isinstance(n.op, Uncouple) for n in graph.nodes) == len(streams) - 1


def test_training_the_head_recomputes_nothing() -> None:
    model = tiny.quantized("reversible")
    program = compile_model(
        model, tiny.gradient_ranges(model, RangeMode.RELATIVE), Options(train="head")
    )
    assert not any(AGAIN in node.name for node in program.graph.nodes)
    assert not any(isinstance(node.op, Uncouple) for node in program.graph.nodes)
