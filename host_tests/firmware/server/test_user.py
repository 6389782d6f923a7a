# SPDX-License-Identifier: Apache-2.0
"""A user's codeword: drawn, learned and kept on the board as the reference says, and never told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from myna.device import bodies as b
from myna.device import messages as m
from myna.device import target
from myna.device.link import DeviceError
from myna.device.messages import Exchange
from myna.device.session import Board
from myna.device.status import Status
from myna.device.wire import Message
from myna.engines.reference import Reference
from myna.ir import Array
from myna.learn.examples import Examples
from myna.learn.learn import Learner
from myna.learn.owner import Verdict
from myna.learn.recipe import Recipe
from myna.learn.user import full, score, threshold
from myna.names import CORRELATION, LOSS, RATE, SEED
from myna.package.calibration import load_calibration
from myna.package.verifier import OUTPUT
from myna.passes.training.user import codeword_of
from myna.project import MODELS
from myna.sessions.learning import learn_on, rate_pair, scalar
from myna.sessions.owner import verify
from support.line import Line, recorded, shows, stored_secret
from support.voices import BITS, LENGTH, project

RECIPE = Recipe(rate=3.0, epochs=4, rehearsals=0)
WANTED = 60
BOARDS = ["host", pytest.param("qemu_m4", marks=pytest.mark.qemu)]


@cache
def clips() -> Array:
    return load_calibration(MODELS / "kws")[0][22:34]


@dataclass(frozen=True)
class Secret:
    """What a board keeps to itself, read from its memory."""

    number: int
    warm_up: int
    threshold: int

    @property
    def codeword(self) -> Array:
        rows = project().package.code
        assert rows is not None
        return codeword_of(rows, self.number)


def secret_of(session: Board, nv: Path) -> Secret:
    """Of a board that has a codeword; its memory holds what it saves now."""
    return Secret(*stored_secret(session, nv, project().program.state_bytes))


def store(session: Board, features: Array) -> None:
    session.clear_clips()
    for slot, one in enumerate(features):
        session.put_features(one, slot, 0)


def enroll(session: Board, *, again: bool = False) -> None:
    """As `sessions.user`, of features."""
    assert session.link.request(m.CODEWORD_DRAW, b.CodewordDraw(int(again))).drawn
    store(session, clips()[:5])
    learn_on(session, project().program, RECIPE)
    store(session, clips()[5:8])
    assert session.link.request(m.CODEWORD_WARM_UP, b.CodewordWarmUp(WANTED)).takes == 3
    store(session, clips()[8:])


@pytest.fixture
def board(tmp_path: Path) -> Iterator[tuple[Board, Line]]:
    """A board that has a user, and all that went over the line."""
    elf = project().firmware("host").elf
    with target.start("host", elf, tmp_path / "nv") as port, recorded(port) as (session, line):
        enroll(session)
        yield session, line


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_learns_and_verifies_as_the_reference_does(name: str, tmp_path: Path) -> None:
    nv, program = tmp_path / "nv", project().program
    with (
        target.start(name, project().firmware(name).elf, nv) as port,
        Board.connect(port) as session,
    ):
        enroll(session)
        secret, state = secret_of(session, nv), session.read_state()
        found = [verify(session, slot) for slot in range(4)]
    assert 0 <= secret.number < (1 << BITS) - 1
    core = Reference(program)
    core.set_codeword(secret.codeword)
    core.set_state(RATE, rate_pair(RECIPE.rate))
    takes = Examples(clips()[:5], np.zeros(5, np.int64))
    Learner(core, project().package.audio, None, takes, RECIPE).learn()
    assert core.read_state() == state
    (loss,) = (node.op for node in program.graph.nodes if node.name == LOSS)

    def scored(features: Array) -> int:
        core.infer(features)
        return score(int(core.values[CORRELATION][0]), full(loss, LENGTH))  # type: ignore[arg-type]

    least = threshold([scored(one) for one in clips()[5:8]], WANTED)
    assert (secret.warm_up, secret.threshold) == (3, least)
    for answer, features in zip(found, clips()[8:12], strict=True):
        right = scored(features)
        accepted = Verdict.OWNER if right >= least else Verdict.OTHER_VOICE
        assert (answer.score, answer.verdict) == (right, accepted)


def test_no_byte_of_the_line_tells_the_codeword(tmp_path: Path) -> None:
    """Nor its number, which small integers of a state may equal by chance, but not each time."""
    elf, nv = project().firmware("host").elf, tmp_path / "nv"
    told = []
    with target.start("host", elf, nv) as port:
        for _ in range(4):
            with recorded(port) as (session, line):
                enroll(session, again=True)
                secret = secret_of(session, nv)
                verify(session, 0)
                session.score()
                session.status()
                session.read_state()
                session.write_state(session.read_state())
                refuse_all(session)
                assert len(line.seen) > 3 * session.info.state_bytes
                assert not shows(line.seen, secret.codeword)
                numbers = [(secret.number + more).to_bytes(4, "little") for more in (0, 1)]
                told.append(any(number in line.seen for number in numbers))
    assert not all(told)


@pytest.mark.parametrize("form", [1, -1, 127, -127])
def test_a_codeword_that_is_told_would_be_seen(
    board: tuple[Board, Line], tmp_path: Path, form: int
) -> None:
    """Planted in the state, and read."""
    session, line = board
    secret = secret_of(session, tmp_path / "nv")
    assert not shows(line.seen, secret.codeword)
    at = project().program.state[f"{OUTPUT}.w"]
    session.patch_state(at, (form * secret.codeword).astype(np.int8).tobytes())
    session.patch_state(project().program.state[SEED], scalar(secret.number).tobytes())
    session.read_state()
    assert shows(line.received, secret.codeword)
    assert secret.number.to_bytes(4, "little") in line.received


TELLING: list[tuple[Exchange[Any, Any], Message]] = [
    (m.INFER, b.Infer(0)),
    (m.INFER, b.Infer(0, trace=1)),
    (m.INFER, b.Infer(0, stop_after=3)),
    (m.TRAIN, b.Train(1, trace=1)),
    (m.TRAIN, b.Train(1, stop_after=3)),
    (m.TRACE_READ, b.TraceRead(0)),
    (m.LISTEN, b.Listen(0, 0, 0, 0, 0)),
    (m.ADAPT, b.Learn(0, 0, 0, 1, 0)),
    *((m.TENSOR_READ, b.TensorRead(0, output, 1)) for output in range(4)),
]


def refuse_all(session: Board) -> None:
    """Expect that a board which has a user refuses what would tell of him."""
    for exchange, request in TELLING:
        with pytest.raises(DeviceError) as refused:
            session.link.request(exchange, request)
        assert refused.value.status == Status.SECRET


def outputs(session: Board) -> bytes:
    """All tensors of a step as they lie in the arena."""
    graph, step = project().program.graph, project().program.train_nodes
    names = [name for node in graph.nodes[:step] for name in node.outputs]
    return b"".join(session.read_tensor(i, graph.tensors[n].nbytes) for i, n in enumerate(names))


def test_a_board_that_forgets_its_user_shows_nothing_of_him(
    board: tuple[Board, Line], tmp_path: Path
) -> None:
    session, _ = board
    secret = secret_of(session, tmp_path / "nv")
    session.train(1)  # its gradient lies in the arena
    refuse_all(session)
    session.reset_state()
    assert not any(outputs(session))
    assert verify(session, 0).verdict is Verdict.NO_OWNER
    session.trace_step()
    assert not shows(outputs(session), secret.codeword)
    assert shows(outputs(session), project().program.graph.tensors["codeword"].data)  # type: ignore[arg-type]


def test_a_user_outlasts_the_loss_of_power_and_another_state(tmp_path: Path) -> None:
    nv, elf = tmp_path / "nv", project().firmware("host").elf
    with target.start("host", elf, nv) as port, Board.connect(port) as session:
        enroll(session)
        first = secret_of(session, nv)
    with target.start("host", elf, nv) as port, Board.connect(port) as session:
        store(session, clips()[8:])
        before = [verify(session, slot).score for slot in range(4)]
        assert any(before)
        session.write_state(session.read_state())
        assert [verify(session, slot).score for slot in range(4)] == before
        assert secret_of(session, nv) == first
        assert not session.link.request(m.CODEWORD_DRAW, b.CodewordDraw(0)).drawn
        session.reset_state()
        session.forget_state()
    with target.start("host", elf, nv) as port, Board.connect(port) as session:
        store(session, clips()[8:])
        assert verify(session, 0).verdict is Verdict.NO_OWNER


def test_users_get_different_codewords(tmp_path: Path) -> None:
    nv, elf, numbers = tmp_path / "nv", project().firmware("host").elf, set()
    with target.start("host", elf, nv) as port, Board.connect(port) as session:
        for _ in range(8):
            session.link.request(m.CODEWORD_DRAW, b.CodewordDraw(1))
            numbers.add(secret_of(session, nv).number)
    assert len(numbers) > 5


@pytest.mark.parametrize("wanted", [0, 100])
def test_a_threshold_that_no_takes_could_set_is_refused(
    board: tuple[Board, Line], wanted: int
) -> None:
    session, _ = board
    with pytest.raises(DeviceError) as refused:
        session.link.request(m.CODEWORD_WARM_UP, b.CodewordWarmUp(wanted))
    assert refused.value.status == Status.BAD_RANGE
    session.clear_clips()
    with pytest.raises(DeviceError) as refused:
        session.link.request(m.CODEWORD_WARM_UP, b.CodewordWarmUp(90))
    assert refused.value.status == Status.BAD_SLOT
