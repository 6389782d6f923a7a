# SPDX-License-Identifier: Apache-2.0
"""What was heard of late: a board and its twin keep the same, and strange requests are refused."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

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
from myna.ir import Array
from myna.learn.heard import HeardRing
from support import fake_board
from support.fake_board import CLASSES, FakeModel
from support.pairs import emulated

ROOM, NO_WORDS = 4, (0, 1)  # of fake_model
IN_USE = FakeModel().classes
SLOT, TAKEN = 3, 7  # where sounds come, and where they are taken to
SHAPE = 49, 10


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_board.build(tmp_path_factory.mktemp("heard"))


@pytest.fixture
def board(elf: Path) -> Iterator[Board]:
    with target.start("host", elf) as port, Board.connect(port) as connected:
        yield connected


def features(seed: int) -> Array:
    return np.random.default_rng(seed).integers(-128, 128, SHAPE, np.int8)


def hear(board: Board, one: Array) -> b.HearReply:
    board.put_features(one, SLOT, None)
    return board.link.request(m.HEAR, b.Hear(SLOT))


def kept(board: Board) -> list[b.HeardReply]:
    """What a board keeps, the newest first."""
    found = [board.link.request(m.HEARD, b.Heard(0))]
    while found[-1].number:
        found.append(board.link.request(m.HEARD, b.Heard(found[-1].number)))
    return found[:-1]


def taken(board: Board, number: int) -> Array:
    """The features under a number."""
    board.link.request(m.HEARD_TAKE, b.HeardTake(number, TAKEN, 5))
    found = board.get_features(TAKEN)
    board.empty(TAKEN)
    return found


def walk(board: Board, seed: int, steps: int) -> None:
    chance, twin = random.Random(seed), HeardRing(ROOM, NO_WORDS)
    train_apart(board)
    for _ in range(steps):
        act = chance.random()
        if act < 0.8:
            one = features(chance.randrange(12))
            reply = hear(board, one)
            number = twin.note(one, reply.label, reply.confidence, accepted=bool(reply.accepted))
            assert reply.number == number
        elif act < 0.9:
            label, last = chance.sample(range(2, IN_USE), 2)
            board.link.request(m.CLASS_REMOVED, b.ClassRemoved(label, last))
            twin.remove(label, last)
        else:
            lowest = chance.choice((0, 4, 8))
            board.clear_clips(lowest)
            twin.clear(lowest)
        found = kept(board)
        expected = [(h.number, h.label, h.confidence, h.accepted) for h in reversed(twin.kept)]
        assert [(f.number, f.label, f.confidence, bool(f.accepted)) for f in found] == expected
        for one_kept in twin.kept:
            assert (taken(board, one_kept.number) == one_kept.features).all()


def train_apart(board: Board) -> None:
    """Train a fake model, so that it takes features for different classes."""
    for label in range(IN_USE):
        board.put_features(features(100 + label), 10 + label, label)
    board.train(40)
    board.clear_clips()


@pytest.mark.parametrize("seed", range(3))
def test_board_and_twin_keep_the_same(board: Board, seed: int) -> None:
    walk(board, seed, 60)


@pytest.mark.parametrize("name", emulated("qemu_m4"))
def test_an_emulated_core_keeps_the_same(name: str) -> None:
    with (
        target.start(name, fake_board.emulated(name)) as port,
        Board.connect(port) as board,
    ):
        walk(board, 9, 30)


def test_what_is_learned_says_so_as_long_as_it_is(board: Board) -> None:
    train_apart(board)
    number = next(filter(None, (hear(board, features(i)).number for i in range(9))))
    (newest, *_) = kept(board)
    assert (newest.number, newest.slot, newest.room) == (number, 0xFFFF, ROOM)
    board.link.request(m.HEARD_TAKE, b.HeardTake(number, TAKEN, 5))
    assert kept(board)[0].slot == TAKEN
    board.empty(TAKEN)
    assert kept(board)[0].slot == 0xFFFF


def test_a_sound_asked_about_twice_is_one(board: Board) -> None:
    train_apart(board)
    first, again = hear(board, features(1)), hear(board, features(1))
    assert first == again
    assert len(kept(board)) == bool(first.number)


def test_what_cannot_be_is_refused(board: Board) -> None:
    train_apart(board)
    number = next(filter(None, (hear(board, features(i)).number for i in range(9))))
    board.put_features(features(0), TAKEN, 2)
    take, hears = m.HEARD_TAKE, m.HEAR
    cases: list[tuple[Exchange[Message, Message], Message, Status]] = [
        (take, b.HeardTake(number, TAKEN, 2), Status.BAD_SLOT),  # it stores a clip
        (take, b.HeardTake(number, fake_board.CLIPS, 2), Status.BAD_SLOT),
        (take, b.HeardTake(number, 9, IN_USE), Status.BAD_LABEL),
        (take, b.HeardTake(number, 9, CLASSES), Status.BAD_LABEL),
        (take, b.HeardTake(number, 9, 0xFFFF), Status.BAD_LABEL),
        (take, b.HeardTake(0, 9, 2), Status.NOT_HEARD),
        (take, b.HeardTake(number + ROOM, 9, 2), Status.NOT_HEARD),
        (take, b.HeardTake(2**32 - 1, 9, 2), Status.NOT_HEARD),
        (hears, b.Hear(fake_board.CLIPS), Status.BAD_SLOT),
        (hears, b.Hear(0xFFFF), Status.BAD_SLOT),
        (hears, b.Hear(20), Status.DATA_MISSING),
    ]
    before = kept(board)
    for exchange, request, status in cases:
        with pytest.raises(DeviceError) as refused:
            board.link.request(exchange, request)
        assert refused.value.status == status, request
    for before_number in (2**32 - 1, number + 99):
        assert board.link.request(m.HEARD, b.Heard(before_number)) == before[0]
    assert board.link.request(m.HEARD, b.Heard(1)).number == 0
    assert (kept(board), board.status().clips) == (before, 1)
    board.stop_step(1)
    with pytest.raises(DeviceError) as refused:
        board.link.request(m.HEAR, b.Hear(TAKEN))
    assert refused.value.status == Status.STATE_INCOMPLETE
