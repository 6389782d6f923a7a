# SPDX-License-Identifier: Apache-2.0
"""Values computed again are those that were let go, and training cannot tell the difference."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest
from myna.analysis import memory
from myna.analysis.shapes import shape_program
from myna.engines.reference import Reference
from myna.frontend import mobilenet
from myna.frontend.model import shapes
from myna.ir import Array, Kind, Node
from myna.passes.check import check
from myna.passes.memory.plan import Program, plan
from myna.passes.memory.recompute import recompute
from myna.passes.pipeline import Options, training_graph
from myna.passes.training.hindsight import RangeMode, hindsight
from support import tiny

SIZE, GROUP_BYTES = 32, 820  # as many groups as at 224 × 224 with 40,000 bytes


def plain_program(dropped: Collection[str], reach: int) -> Program:
    model = tiny.quantized("plain")
    ranges = tiny.gradient_ranges(model, RangeMode.RELATIVE)
    graph = hindsight(training_graph(model, 0.05), ranges, RangeMode.RELATIVE)
    return plan(check(recompute(graph, dict.fromkeys(dropped, reach))))


def states_after(program: Program, maps: Array) -> bytes:
    device = Reference(program)
    for step, x in enumerate(maps):
        device.train_step(x, step % 4)
    return device.read_state()


@pytest.mark.parametrize("dropped", [("stem",), ("dw",), ("stem", "dw", "pw")], ids="-".join)
def test_training_equals_keeping_everything(dropped: tuple[str, ...]) -> None:
    program, kept = plain_program(dropped, reach=4), plain_program((), reach=4)
    assert len(program.graph.nodes) > len(kept.graph.nodes)
    maps = tiny.features(4)
    assert states_after(program, maps) == states_after(kept, maps)


def test_copies_equal_what_was_let_go() -> None:
    seen: dict[str, Array] = {}

    def observe(node: Node, outputs: tuple[Array, ...]) -> None:
        seen.update({name: o.copy() for name, o in zip(node.outputs, outputs, strict=True)})

    Reference(plain_program({"stem", "dw"}, 4)).train_step(tiny.features(1)[0], 1, observe)
    again = [name for name in seen if "~" in name]
    assert again
    for name in again:
        assert np.array_equal(seen[name], seen[name.partition("~")[0]]), name


def test_what_is_let_go_does_not_live_on() -> None:
    program = plain_program({"stem", "dw"}, 4)
    lives = {name: b for b in program.buffers for name in b.tensors}
    assert lives["stem"].end < program.forward_nodes
    assert lives["dw"].end < program.forward_nodes
    kept = plain_program((), 4)
    assert {name: b for b in kept.buffers for name in b.tensors}["stem"].end > kept.forward_nodes


def test_a_reader_within_reach_gets_the_copy_at_hand() -> None:
    everything = {"stem", "dw", "pw"}
    nodes = len(plain_program((), 0).graph.nodes)
    assert len(plain_program(everything, nodes).graph.nodes) == nodes


# -- MobileNetV2 -----------------------------------------------------------------------------------


def test_mobilenet_has_the_published_shape() -> None:
    """Channels, size and expanded width of every stage: Sandler et al. 2018, table 2."""
    known = shapes(mobilenet.mobilenet_v2())
    maps = {  # last expanded width, then result, of every stage's first block
        "s0": (32, (112, 112, 16)),
        "s1b0": (96, (56, 56, 24)),
        "s2b0": (144, (28, 28, 32)),
        "s3b0": (192, (14, 14, 64)),
        "s4b0": (384, (14, 14, 96)),
        "s5b0": (576, (7, 7, 160)),
        "s6b0": (960, (7, 7, 320)),
    }
    for stage, (expanded, (height, width, channels)) in maps.items():
        wide = [s for n, s in known.items() if n.startswith(f"{stage}g") and n.endswith("d")]
        wide += [s for n, s in known.items() if stage == "s0" and n.startswith("s0d")]
        assert sum(shape[2] for shape in wide) == expanded
        parts = [s for n, s in known.items() if n.startswith(f"{stage}p") and n.endswith("g0")]
        assert sum(shape[2] for shape in parts) == channels
        assert {shape[:2] for shape in parts} == {(height, width)}
    blocks = {n[:4] for n in known if n[0] == "s" and n[2] == "b"}
    assert len(blocks) == 2 + 3 + 4 + 3 + 3 + 1
    assert known["last"] == (7, 7, 1280)


def test_mobilenet_trains_alike_stored_and_recomputed() -> None:
    small = mobilenet.mobilenet_v2(SIZE, GROUP_BYTES)
    stored, planned = (
        shape_program(small, Options(store_all=flag, rate=0.01)) for flag in (True, False)
    )
    maps = np.random.default_rng(0).integers(-128, 128, (1, SIZE, SIZE, 3)).astype(np.int8)
    before, after = Reference(stored).read_state(), states_after(stored, maps)
    changed = np.frombuffer(before, np.uint8) != np.frombuffer(after, np.uint8)
    assert changed.sum() > 100_000
    assert states_after(planned, maps) == after


def test_mobilenet_needs_a_twelfth_of_the_activations() -> None:
    shape = mobilenet.mobilenet_v2()
    stored, planned = (shape_program(shape, Options(store_all=flag)) for flag in (True, False))
    found = memory.compare(stored, planned)
    assert found.ratio >= 12
    image = planned.graph.of_kind(Kind.INPUT)[0]
    assert found.activations_planned > image.nbytes
    assert planned.arena_bytes <= 1.02 * planned.arena_lower_bound
