# SPDX-License-Identifier: Apache-2.0
"""Layers computed row by row: the same bytes in less memory, on every core."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from myna.codegen import generate
from myna.codegen.emit import Labels
from myna.device.target import PROJECT
from myna.engines.library import HostLibrary, compile_library
from myna.engines.reference import Reference
from myna.engines.verify import Verifier, verify_steps
from myna.ir import Array
from myna.layers.base import Layer
from myna.ops.rows import Rows
from myna.passes.macs import macs
from myna.passes.memory.plan import Program
from myna.passes.memory.rowwise import rowwise
from myna.passes.pipeline import Options, training_graph
from myna.passes.training.select import select
from myna.project import Project, open_project
from support import tiny, tiny_model

MODELS = {
    "plain": tiny_model.folder("plain"),
    "reversible": tiny_model.folder(),
    **{name: PROJECT / "models" / name for name in ("kws", "ds_cnn")},
}
by_model = pytest.mark.parametrize("name", MODELS)


def compiled(name: str, train: str = "head", *, rows: bool = True) -> Project:
    return open_project(MODELS[name], Options(train=train, rows=rows))


def maps(program: Program, count: int) -> Array:
    shape = program.graph.tensors["features"].shape
    return np.random.default_rng(3).integers(-128, 128, (count, *shape)).astype(np.int8)


@by_model
def test_it_learns_the_same(name: str) -> None:
    whole, cut = compiled(name, rows=False).program, compiled(name).program
    assert np.array_equal(cut.replay.latents, whole.replay.latents)
    one, other = Reference(whole), Reference(cut)
    for label, features in enumerate(maps(whole, 3)):
        assert one.train_step(features, label) == other.train_step(features, label)
    for state in whole.state:
        assert np.array_equal(one.get_state(state), other.get_state(state)), state


@by_model
def test_the_kernel_keeps_enough_rows(name: str) -> None:
    """A row that is overwritten too early changes the digest of the means."""
    project = compiled(name)
    reference, library = Reference(project.program), project.library()
    for label, features in enumerate(maps(project.program, 4)):
        expected = reference.train_step_digests(features, label)
        assert library.train_step_digests(features, label) == expected
    assert library.read_state() == reference.read_state()


def test_an_activation_that_does_not_leave_a_stream_is_not_cut() -> None:
    layers = list(tiny.plain_layers())
    layers.insert(1, Layer("act", "relu", ("stem",)))
    layers[2] = replace(layers[2], inputs=("act",))
    plain = tiny.float_model("plain")
    for rows, kept in ((tuple(plain.layers), 1), (tuple(layers), 0)):
        model = tiny.quantize_over(replace(plain, layers=rows), tiny.features(8))
        graph = rowwise(select(training_graph(model, 0.02), "head"))
        assert sum(isinstance(node.op, Rows) for node in graph.nodes) == kept


@pytest.mark.parametrize("name", ["plain", "reversible"])
def test_a_row_less_is_too_few(name: str, tmp_path: Path) -> None:
    """Rings are no larger than they must be: with one row less, what is needed is overwritten."""
    project = compiled(name)
    node = project.program.graph.nodes[0]
    assert isinstance(node.op, Rows)
    most = max(node.op.rings, key=lambda ring: ring.slots)
    less = replace(most, slots=most.slots - 1)
    rings = tuple(less if ring == most else ring for ring in node.op.rings)
    nodes = (replace(node, op=replace(node.op, rings=rings)), *project.program.graph.nodes[1:])
    program = replace(project.program, graph=replace(project.program.graph, nodes=nodes))
    folder = tmp_path / "model"
    generate(program, Labels(tiny.LABELS, project.package.audio), folder, "pytest")
    broken = HostLibrary(program, compile_library(folder))
    features = maps(program, 1)[0]
    assert broken.train_step_digests(features, 0) != Reference(program).train_step_digests(
        features, 0
    )


@pytest.mark.parametrize("name", ["kws", "ds_cnn"])
def test_the_arena_is_less_than_half(name: str) -> None:
    whole, cut = compiled(name, rows=False).program, compiled(name).program
    assert cut.arena_bytes < 0.45 * whole.arena_bytes


def test_what_is_trained_is_not_cut() -> None:
    for train in ("all", "last-3", "bias"):
        cut, whole = (compiled("kws", train, rows=rows).program for rows in (True, False))
        assert cut.graph.nodes == whole.graph.nodes


@pytest.mark.qemu
def test_an_emulated_core_agrees() -> None:
    project = compiled("kws")
    clips = [(features, i) for i, features in enumerate(maps(project.program, 3))]
    with project.connect("qemu_m4") as session:
        result = verify_steps(Verifier(project.program, session, clips), 3)
    assert (result.differences, result.steps) == (0, 3)


@by_model
def test_it_multiplies_as_often(name: str) -> None:
    whole, cut = compiled(name, rows=False).program, compiled(name).program
    assert macs(cut.graph, cut.graph.nodes) == macs(whole.graph, whole.graph.nodes)
