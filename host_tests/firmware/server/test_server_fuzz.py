# SPDX-License-Identifier: Apache-2.0
"""Random requests, states among them, to a real model with memories under the sanitizers."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from myna.device import bodies as b
from myna.device import messages as m
from myna.device import target
from myna.device.base import apply_difference, make_update, set_base
from myna.device.link import DeviceError
from myna.device.session import Board
from myna.device.status import Status
from myna.engines.reference import Reference
from myna.errors import MynaError
from myna.names import CLASSES
from myna.passes.bounds import Bound, Form, bounds
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from support import fake_board, tiny, tiny_model

NETWORKS = ("plain", "reversible")
ROUNDS = 300
EDGES = (-(2**31), -(2**30), -129, -128, -127, -1, 0, 1, 2, 4, 6, 7, 127, 2**29, 2**31 - 1)
Act = Callable[[Board, random.Random, Project], object]


@pytest.fixture(scope="module", params=NETWORKS)
def project(request: pytest.FixtureRequest) -> Project:
    return open_project(tiny_model.folder(request.param), Options(train="all", backup=1 << 16))


@pytest.fixture(scope="module")
def elf(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    return fake_board.link_host(project.generated, folder / "firmware.elf")


@pytest.fixture
def board(elf: Path, tmp_path: Path) -> Iterator[Board]:
    """A board with two clips of the first class."""
    with target.start("host", elf, tmp_path / "nv") as port, Board.connect(port) as session:
        for slot in range(2):
            session.put_features(tiny.features(4)[slot, ..., 0], slot, 0)
        yield session


def _refused(act: Callable[[], object]) -> Status | None:
    try:
        act()
    except DeviceError as error:
        return error.status
    return None


def test_classes_that_memories_need_cannot_be_given_up(board: Board, project: Project) -> None:
    offset = project.program.state[CLASSES]
    assert _refused(partial(board.patch_state, offset, struct.pack("<i", 1))) == Status.BAD_STATE
    state = board.read_state()
    state = state[:offset] + struct.pack("<i", 1) + state[offset + 4 :]
    assert _refused(partial(board.write_state, state)) == Status.BAD_STATE
    board.reset_state()
    assert board.learn(b.Learn(0, 0, 0, 4, 8), None).classes == len(tiny.LABELS)


def _at_and_beyond(bound: Bound) -> tuple[list[bytes], list[bytes]]:
    """The last elements that a bound allows, and the first that it does not."""
    if bound.form is Form.PAIR:
        good = [(2**30, bound.high), (2**31 - 1, -bound.high)]
        bad = [(2**30 - 1, 0), (-1, 0), (2**30, bound.high + 1), (2**30, -bound.high - 1), (0, 1)]
        bad += [(0, 0)] if bound.low else []
        return [struct.pack("<ii", *p) for p in good], [struct.pack("<ii", *p) for p in bad]
    if bound.form is Form.INT8:
        return [struct.pack("<b", v) for v in (bound.low, bound.high)], [struct.pack("<b", -128)]
    return (
        [struct.pack("<i", value) for value in (bound.low, bound.high)],
        [struct.pack("<i", value) for value in (bound.low - 1, bound.high + 1)],
    )


def test_bounds_are_kept_by_board_and_engines(board: Board, project: Project) -> None:
    program, engines = project.program, (Reference(project.program), project.library())
    fresh = board.read_state()
    assert {bound.form for bound in bounds(program)} == set(Form)
    for bound in bounds(program):
        end = program.state[bound.tensor] + program.graph.tensors[bound.tensor].nbytes
        good, bad = _at_and_beyond(bound)
        for data in good:
            board.patch_state(end - len(data), data)
            for engine in engines:
                engine.write_state(board.read_state())
        for data in bad:
            refused = _refused(partial(board.patch_state, end - len(data), data))
            assert refused == Status.BAD_STATE, (bound, data)
            whole = fresh[: end - len(data)] + data + fresh[end:]
            assert _refused(partial(board.write_state, whole)) == Status.BAD_STATE
            board.write_state(fresh)
            for engine in engines:
                with pytest.raises(MynaError, match=f"tensor {bound.tensor}"):
                    engine.write_state(whole)


def _patch(board: Board, rng: random.Random, project: Project) -> None:
    """An edge or anything, into any tensor: small ones as often as large ones."""
    name, at = rng.choice(list(project.program.state.items()))
    tensor = project.program.graph.tensors[name]
    value = rng.choice(EDGES) if rng.random() < 0.7 else rng.getrandbits(32) - 2**31
    size = 1 if tensor.dtype == "int8" else 4
    data = (value & (1 << 8 * size) - 1).to_bytes(size, "little") * rng.choice((1, 1, 2))
    board.patch_state(at + size * rng.randrange(max(tensor.size - 1, 1)), data)


def _put(board: Board, rng: random.Random, project: Project) -> None:
    features = np.frombuffer(rng.randbytes(tiny.FRAMES * tiny.BANDS), np.int8)
    label = rng.choice((None, *range(len(tiny_model.TONES))))
    shape = (tiny.FRAMES, tiny.BANDS)
    board.put_features(features.reshape(shape), rng.randrange(board.info.max_clips), label)


ACTS: list[Act] = [
    *[_patch] * 6,
    *[_put] * 3,
    lambda board, rng, _: board.learn(
        b.Learn(0, rng.randrange(2), rng.choice((0, 64)), rng.randrange(3), 3), None
    ),
    lambda board, rng, _: board.adapt(b.Learn(rng.getrandbits(20), 1, 0, 2, 2), None),
    lambda board, rng, _: board.train(3),
    lambda board, rng, _: board.link.request(m.LISTEN, b.Listen(rng.randrange(9), 0, 0, 0, 9)),
    lambda board, rng, _: board.link.request(m.TAKES, b.Takes(rng.randrange(9))),
    lambda board, rng, _: board.link.request(m.ENROLL_OWNER, b.EnrollOwner(rng.randrange(9))),
    lambda board, rng, _: board.link.request(m.VERIFY, b.Verify(rng.randrange(60))),
    lambda board, rng, _: board.infer(rng.randrange(board.info.max_clips)),
    lambda board, rng, _: board.relabel(rng.randrange(9), rng.randrange(9)),
    lambda board, rng, _: board.score(),
    lambda board, rng, _: board.stop_step(rng.randrange(9)),
    lambda board, rng, _: board.save_state(),
    lambda board, rng, _: set_base(board),
    lambda board, rng, _: make_update(board, rng.randrange(2000), rng.randbytes(rng.randrange(3))),
    lambda board, rng, _: apply_difference(board, rng.randbytes(rng.randrange(600))),
    lambda board, rng, _: board.link.request(m.UPDATE_READ, b.Range(0, rng.randrange(600))),
    lambda board, rng, _: board.empty(rng.randrange(9)),
    lambda board, rng, _: board.reset_state() if rng.random() < 0.1 else None,
]


@pytest.mark.parametrize("seed", range(2))
def test_no_request_leaves_the_model(board: Board, project: Project, seed: int) -> None:
    rng = random.Random(seed)
    outcomes: set[Status | None] = set()
    for _ in range(ROUNDS):
        act = rng.choice(ACTS)
        outcomes.add(outcome := _refused(partial(act, board, rng, project)))
        if outcome == Status.STATE_INCOMPLETE:
            board.reset_state()
    assert board.read_state()  # it is still there
    assert {None, Status.BAD_STATE, Status.BAD_SLOT} <= outcomes
