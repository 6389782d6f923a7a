# SPDX-License-Identifier: Apache-2.0
"""Engines that are told of differences: the same bytes on all, few of them on the line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from myna.commands.federate import BITS_DOWN, BITS_UP
from myna.device.target import PROJECT
from myna.errors import MynaError
from myna.evaluation.base import Crossed
from myna.evaluation.board_engine import BoardEngine
from myna.evaluation.engine import Engine, EngineSpec
from myna.learn import codec
from myna.learn.examples import Examples
from myna.learn.recipe import Recipe
from myna.learn.vector import from_vector, to_vector, trained_weights
from myna.passes.pipeline import Options
from myna.project import open_project
from support import tiny, tiny_model

KWS = EngineSpec("host", PROJECT / "models" / "kws", Options(train="head"))
BOARDS = ["host", pytest.param("qemu_m4", marks=pytest.mark.qemu)]
RECIPE = Recipe(epochs=1, enough=0.0)


def rounds(engine: Engine, base: bytes, examples: Examples) -> list[tuple[bytes, bytes, Crossed]]:
    """Two rounds: of each the update, the state that is left, and the bytes that crossed."""
    program, found = open_project(KWS.model, KWS.options).program, []
    engine.base.set(base)
    for seed in range(2):
        before = engine.base.crossed
        noise = np.random.default_rng(seed).laplace(0, 2000, len(to_vector(program, base)))
        server = from_vector(program, base, to_vector(program, base) + noise.astype(np.int64))
        data, _ = codec.encode(program, base, server, codec.budget(program, BITS_DOWN))
        base = codec.apply(program, base, codec.decode(program, base, data))
        engine.base.apply_difference(data)
        engine_before = engine.base.crossed.since(before)
        engine.learn(examples, RECIPE)
        before = engine.base.crossed
        update = engine.base.make_update(codec.budget(program, BITS_UP))
        crossed = engine.base.crossed.since(before)
        found.append((update, engine.read_state(), crossed.plus(engine_before)))
    return found


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_sends_what_engines_do_and_its_line_carries_few_bytes(board: str) -> None:
    """Frames, acknowledgements and the request for the update included."""
    project = open_project(KWS.model, KWS.options)
    shape = project.program.graph.tensors["features"].shape[:2]
    rng = np.random.default_rng(3)
    features = rng.integers(-128, 128, (3, *shape)).astype(np.int8)
    examples = Examples(features, np.array([2, 3, 4]))
    start = project.library().read_state()
    with KWS.open() as host, replace(KWS, name="reference").open() as reference:
        expected = rounds(host, start, examples)
        assert [one[:2] for one in rounds(reference, start, examples)] == [
            one[:2] for one in expected
        ]
    with project.connect(board) as session:
        found = rounds(BoardEngine(session, project.program), start, examples)
        repeated = session.status().requests_repeated  # as when a busy machine emulates slowly
    assert [one[:2] for one in found] == [one[:2] for one in expected]
    weights = 4 * trained_weights(project.program)
    for _, _, crossed in found:
        assert repeated or crossed.up <= weights / 32
        assert repeated or crossed.down <= weights / 8


def test_a_board_without_room_for_a_base_gives_the_same_updates() -> None:
    spec = EngineSpec("host", tiny_model.folder(), replace(tiny_model.HEAD, backup=0))
    project = open_project(spec.model, spec.options)
    program, start = project.program, project.library().read_state()
    examples = Examples(tiny.features(2)[..., 0], np.array([0, 1]))
    target = from_vector(program, start, to_vector(program, start) + 300)
    data, _ = codec.encode(program, start, target, 1000)
    found = []
    with spec.open() as host, project.connect() as session:
        for engine in (host, BoardEngine(session, program)):
            engine.base.set(start)
            engine.base.apply_difference(data)
            engine.learn(examples, RECIPE)
            found.append((engine.base.make_update(100), engine.read_state()))
    assert found[0] == found[1]


def test_what_hardly_differs_from_the_state_as_built_is_told_in_few_bytes() -> None:
    project = open_project(tiny_model.folder(), tiny_model.HEAD)
    program, built = project.program, project.library().read_state()
    values = program.unpack(built)
    values["classes"][0] += 1
    values["names"][0, :3] = 97
    other = from_vector(program, built, to_vector(program, built) + 999)
    with project.connect() as session:
        engine = BoardEngine(session, program)
        for block in (program.pack(values), other, built):
            before = engine.base.crossed
            engine.base.set(block)
            down = engine.base.crossed.since(before).down
            assert (down < len(built) / 2) == (block != other)
            assert session.read_state() == block


def test_who_knows_no_base_says_so() -> None:
    with EngineSpec("host", tiny_model.folder(), tiny_model.HEAD).open() as engine:
        for ask in (
            lambda: engine.base.make_update(100),
            lambda: engine.base.apply_difference(b""),
        ):
            with pytest.raises(MynaError, match="knows no state"):
                ask()
