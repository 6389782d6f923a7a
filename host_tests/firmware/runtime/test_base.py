# SPDX-License-Identifier: Apache-2.0
"""A board that is told differences, and tells its own: once, in order, apart from any sound."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from myna.device import bodies as b
from myna.device import messages as m
from myna.device import target
from myna.device.base import apply_difference, make_update, set_base, swap_unsent
from myna.device.bodies import Empty
from myna.device.link import DeviceError, Link
from myna.device.ports import open_port
from myna.device.session import Board
from myna.device.status import Status
from myna.engines.reference import Reference
from myna.errors import MynaError
from myna.evaluation.board_engine import BoardEngine
from myna.evaluation.engine import CoreEngine
from myna.federated.site import blocks_of
from myna.learn import codec
from myna.learn.examples import Examples
from myna.learn.recipe import Recipe
from myna.learn.vector import from_vector, to_vector
from myna.passes.memory.plan import Program
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from support import fake_board, tiny, tiny_model

LEARN = b.Learn(0, 1, 0, 2, 1)
WITH_ROOM = Options(backup=1 << 16)


@pytest.fixture(scope="module")
def project() -> Project:
    return open_project(tiny_model.folder(), WITH_ROOM)


@pytest.fixture(scope="module")
def elf(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_board.link_host(project.generated, tmp_path_factory.mktemp("base") / "firmware.elf")


@pytest.fixture
def port(elf: Path, tmp_path: Path) -> Iterator[str]:
    with target.start("host", elf, tmp_path / "nv") as name:
        yield name


@pytest.fixture
def board(port: str) -> Iterator[Board]:
    """A board that has learned from two clips since its base was set."""
    with Board.connect(port) as session:
        for slot in range(2):
            session.put_features(tiny.features(4)[slot, ..., 0], slot, slot)
        set_base(session)
        session.learn(LEARN, None)
        yield session


@pytest.fixture
def program(project: Project) -> Program:
    return project.program


def refusal(call: Callable[[], object]) -> int:
    with pytest.raises(DeviceError) as caught:
        call()
    return caught.value.status


def difference(project: Project, size: int) -> bytes:
    """What leads from the state as built to another, large enough for several frames."""
    program, base = project.program, project.library().read_state()
    vector = to_vector(program, base)
    noise = np.random.default_rng(5).integers(-size, size, len(vector))
    return codec.encode(program, base, from_vector(program, base, vector + noise), 3000)[0]


@pytest.mark.parametrize("private", [(), ("logits.w", "threshold")])
def test_board_and_twin_encode_apply_and_keep_alike(
    port: str, project: Project, private: tuple[str, ...]
) -> None:
    """State and what was not sent after every call, with budgets that send little and all."""
    program, base, found = project.program, project.library().read_state(), []
    takes = Examples(tiny.features(4)[..., 0], np.arange(4) % 2)
    with Board.connect(port) as session:
        engine, core = BoardEngine(session, program), project.library()
        twin = CoreEngine(core, project.package)
        for each in (engine, twin):
            each.base.set(base)
        for budget in (100, 200, 3000):
            for each in (engine, twin):
                each.learn(takes, Recipe(4.0, 2, 0.0, 1))
            found = [each.base.make_update(budget, private) for each in (engine, twin)]
            assert found[0] == found[1]
            assert len(found[0]) <= budget
            assert blocks_of(engine) == blocks_of(twin)
            data, _ = codec.encode(program, base, shifted(program, base, 1000), 900)
            base = codec.apply(program, base, codec.decode(program, base, data))
            for each in (engine, twin):
                each.base.apply_difference(data)
            assert blocks_of(engine) == blocks_of(twin)


def shifted(program: Program, state: bytes, by: int) -> bytes:
    return from_vector(program, state, to_vector(program, state) + by)


@pytest.mark.parametrize("proximal", [1, 64, 256])
def test_board_and_twin_go_back_towards_the_base_alike(
    port: str, project: Project, proximal: int
) -> None:
    takes = Examples(tiny.features(4)[..., 0], np.arange(4) % 2)
    recipe = Recipe(4.0, 3, 0.0, 1, proximal=proximal)
    base, states = project.library().read_state(), []
    with Board.connect(port) as session:
        program, package = project.program, project.package
        for engine in (
            BoardEngine(session, program),
            CoreEngine(Reference(program), package),
            CoreEngine(project.library(), package),
        ):
            engine.base.set(base)
            engine.learn(takes, recipe)
            states.append(engine.read_state())
    plain = CoreEngine(project.library(), package)
    plain.learn(takes, replace(recipe, proximal=0))
    assert states[0] == states[1] == states[2] != plain.read_state()


def test_there_is_no_way_back_without_a_base_or_beyond_it(board: Board) -> None:
    too_far = replace(LEARN, proximal=257)
    assert refusal(lambda: board.learn(too_far, None)) == Status.BAD_RANGE
    board.reset_state()
    assert refusal(lambda: board.learn(replace(LEARN, proximal=256), None)) == Status.NO_BASE


def test_a_lossy_line_applies_once_and_sends_what_was_made(port: str, project: Project) -> None:
    program, base = project.program, project.library().read_state()
    channel = fake_board.LossyChannel(open_port(port), 3, 0.002)
    with Board(Link(channel, port, timeout_s=0.1)) as session:
        set_base(session)
        for size in (3000, 300, 30):
            vector = to_vector(program, base)
            noise = np.random.default_rng(size).integers(-size, size, len(vector))
            target = from_vector(program, base, vector + noise)
            apply_difference(session, codec.encode(program, base, target, 3000)[0])
            assert session.read_state() == target
            base = target
        session.put_features(tiny.features(4)[0, ..., 0], 0, 0)
        session.learn(LEARN, None)
        state = session.read_state()
        assert make_update(session, 3000) == codec.encode(program, base, state, 3000)[0]
    assert channel.faults > 5


def test_without_a_base_or_a_difference_it_is_refused(port: str, project: Project) -> None:
    data = difference(project, 3)
    with Board.connect(port) as session:
        assert refusal(lambda: swap_unsent(session)) == Status.NO_BASE
        assert refusal(lambda: make_update(session, 500)) == Status.NO_BASE
        assert refusal(lambda: apply_difference(session, data)) == Status.NO_BASE
        set_base(session)
        apply_difference(session, data)
        assert refusal(lambda: session.link.request(m.DIFFERENCE_APPLY, Empty())) == (
            Status.NOT_STARTED
        )
        assert refusal(lambda: apply_difference(session, data)) == Status.BAD_CRC  # another base
        session.reset_state()
        assert refusal(lambda: make_update(session, 500)) == Status.NO_BASE


def test_pieces_come_in_order_and_stay_in_the_arena(board: Board) -> None:
    def write(offset: int, data: bytes) -> object:
        return board.link.request(m.DIFFERENCE_WRITE, b.Piece(offset, data))

    assert refusal(lambda: write(4, b"abcd")) == Status.NOT_STARTED
    write(0, b"abcd")
    assert refusal(lambda: write(8, b"abcd")) == Status.BAD_RANGE
    piece, at = bytes(508), 4
    while at + len(piece) <= board.info.arena_bytes:
        write(at, piece)
        at += len(piece)
    assert refusal(lambda: write(at, piece)) == Status.BAD_RANGE
    assert refusal(lambda: board.link.request(m.UPDATE_READ, b.Range(0, 1))) == Status.NOT_STARTED
    request = b.UpdateMake(board.info.arena_bytes + 1, b"")
    assert refusal(lambda: board.link.request(m.UPDATE_MAKE, request)) == Status.BAD_RANGE
    with pytest.raises(MynaError, match="no room for an update"):
        make_update(board, request.budget)
    state = board.read_state()
    assert refusal(lambda: make_update(board, 5)) == Status.BAD_RANGE
    assert board.read_state() == state


def test_what_no_encoder_wrote_is_refused_and_changes_nothing(
    board: Board, project: Project
) -> None:
    rng, base, state = random.Random(6), project.library().read_state(), board.read_state()
    good = difference(project, 300)[codec.HEADER.size :]
    for _ in range(40):
        codes = bytearray(good[: rng.choice((40, len(good)))])
        codes[rng.randrange(min(len(codes), 30))] ^= rng.randrange(1, 256)
        del codes[rng.randrange(len(codes)) :]
        data = codec.seal(base, bytes(codes))
        assert refusal(lambda data=data: apply_difference(board, data)) == Status.BAD_REQUEST
        assert board.read_state() == state
    assert make_update(board, 300) == codec.encode(project.program, base, state, 300)[0]


def test_an_incomplete_state_tells_nothing(board: Board, project: Project) -> None:
    data = difference(project, 3)
    board.stop_step(3)
    for call in (
        lambda: set_base(board),
        lambda: swap_unsent(board),
        lambda: make_update(board, 500),
        lambda: apply_difference(board, data),
    ):
        assert refusal(call) == Status.STATE_INCOMPLETE


def test_sound_and_differences_end_each_other(board: Board) -> None:
    """None shows what the other left, or takes it for its own."""
    make_update(board, 500)
    board.link.request(m.UPDATE_READ, b.Range(0, 9))
    board.link.request(m.AUDIO_BEGIN, b.AudioBegin(1000, 2, 0))
    assert refusal(lambda: board.link.request(m.UPDATE_READ, b.Range(0, 9))) == Status.NOT_STARTED
    board.link.request(m.DIFFERENCE_WRITE, b.Piece(0, b"1234"))
    audio = b.Piece(0, bytes(100))
    assert refusal(lambda: board.link.request(m.AUDIO_DATA, audio)) == Status.NOT_STARTED
    board.link.request(m.AUDIO_BEGIN, b.AudioBegin(1000, 2, 0))
    board.link.request(m.AUDIO_DATA, audio)
    make_update(board, 500)
    assert refusal(lambda: board.link.request(m.AUDIO_END, Empty())) == Status.NOT_STARTED


def test_what_runs_the_model_ends_a_difference(board: Board) -> None:
    for use in (
        lambda: board.infer(0),
        board.score,
        lambda: board.train(1),
        lambda: board.learn(LEARN, None),
        lambda: board.read_tensor(0, 1),
    ):
        board.link.request(m.DIFFERENCE_WRITE, b.Piece(0, b"1234"))
        use()
        later = b.Piece(4, b"1234")
        refused = refusal(lambda: board.link.request(m.DIFFERENCE_WRITE, later))  # noqa: B023
        assert refused == Status.NOT_STARTED


def test_another_session_reads_what_was_made(board: Board, port: str, project: Project) -> None:
    state, base = board.read_state(), project.library().read_state()
    board.link.request(m.UPDATE_MAKE, b.UpdateMake(400, b""))
    board.link.close()
    expected, _ = codec.encode(project.program, base, state, 400)
    with Board.connect(port) as later:
        found = later.link.request(m.UPDATE_READ, b.Range(0, len(expected))).data
    assert found == expected


def test_adapting_and_the_base_leave_each_other_alone(board: Board, project: Project) -> None:
    """While a base is set, the state that may have to be put back goes to storage."""
    base = project.library().read_state()
    assert board.status().storage == Status.NOTHING_STORED
    board.adapt(b.Learn(0, 0, 0, 0, 0), None)
    assert board.status().storage == Status.OK
    state = board.read_state()
    assert make_update(board, 500) == codec.encode(project.program, base, state, 500)[0]
    board.reset_state()
    board.forget_state()
    board.adapt(b.Learn(0, 0, 0, 0, 0), None)
    assert board.status().storage == Status.NOTHING_STORED


def test_a_build_without_room_refuses(tmp_path: Path) -> None:
    small = open_project(tiny_model.folder(), Options(backup=0))
    with small.connect() as session:
        assert refusal(lambda: set_base(session)) == Status.NO_BASE
