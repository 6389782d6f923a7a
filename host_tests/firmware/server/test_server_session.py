# SPDX-License-Identifier: Apache-2.0
"""What the server makes of requests that come twice, late, or with others missing between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from myna.device import bodies as b
from myna.device import messages as m
from myna.device import target
from myna.device.frame import Decoder, Frame, encode
from myna.device.link import DeviceError
from myna.device.ports import Channel, open_port
from myna.device.session import Board
from myna.device.status import Status
from support.fake_board import CLIPS, FEATURE_BYTES, build

FIRST = 65530  # sequence of HELLO: those of later requests wrap
NOTHING = b.ClipsClear(0)
PATIENCE_S = 10.0


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("session"))


@pytest.fixture
def port(elf: Path) -> Iterator[str]:
    with target.start("host", elf) as name:
        yield name


class Line:
    """Requests with sequence numbers of our own, counted from HELLO; `Link` would repeat them."""

    def __init__(self, channel: Channel) -> None:
        self._channel, self._decoder = channel, Decoder()

    def say(self, *requests: tuple[int, m.Exchange[Any, Any], b.Message], answers: int) -> Any:
        """Send requests at once; (type, status, number) of so many frames that come back."""
        frames = [Frame(x.code, (FIRST + at) & 0xFFFF, body.pack()) for at, x, body in requests]
        self._channel.write(b"".join(map(encode, frames)))
        heard: list[Frame] = []
        until = time.monotonic() + PATIENCE_S
        while len(heard) < answers and time.monotonic() < until:
            heard += self._decoder.feed(self._channel.read(1))
        assert len(heard) == answers
        return [(one.type, one.status, (one.sequence - FIRST) & 0xFFFF) for one in heard]

    def hello(self, at: int = 0) -> None:
        """Open a session whose next request is the number after."""
        assert self.say((at, m.HELLO, b.Hello(0, 0)), answers=1) == [reply(m.HELLO, at)]


@pytest.fixture
def line(port: str) -> Iterator[Line]:
    channel = open_port(port)
    yield Line(channel)
    channel.close()


def reply(to: m.Exchange[Any, Any], at: int, status: Status = Status.OK) -> tuple[int, int, int]:
    return to.code + m.REPLY, status, at


def resend(expected: int) -> tuple[int, int, int]:
    return m.RESEND.code, Status.OK, expected


# -- repeated, late, missing -----------------------------------------------------------------------


def test_outcomes_of_all_requests_in_flight_are_remembered(line: Line) -> None:
    """Every second one was refused; the one before the oldest is not remembered, but missing."""
    line.hello()
    outcomes, requests = [], []
    for at in range(1, m.IN_FLIGHT + 1):
        slot, status = (CLIPS, Status.BAD_SLOT) if at % 2 else (0, Status.DATA_MISSING)
        requests.append((at, m.CLIP_SET, b.ClipSet(slot, 0)))
        outcomes.append(reply(m.CLIP_SET, at, status))
    assert line.say(*requests, answers=m.IN_FLIGHT) == outcomes
    assert line.say(*requests, answers=m.IN_FLIGHT) == outcomes
    before = (0, m.CLIPS_CLEAR, NOTHING)
    assert line.say(before, answers=1) == [resend(m.IN_FLIGHT + 1)]


def test_what_another_session_did_is_forgotten(line: Line) -> None:
    line.hello()
    requests = [(at, m.CLIPS_CLEAR, NOTHING) for at in range(1, 9)]
    assert line.say(*requests, answers=8) == [reply(m.CLIPS_CLEAR, at) for at in range(1, 9)]
    line.hello(m.IN_FLIGHT)
    forgotten = [reply(m.CLIPS_CLEAR, at, Status.FORGOTTEN) for at in range(1, 9)]
    assert line.say(*requests, answers=8) == forgotten


def test_each_gap_is_reported_once(line: Line) -> None:
    line.hello()

    def clear(*numbers: int) -> list[tuple[int, m.Exchange[Any, Any], b.Message]]:
        return [(at, m.CLIPS_CLEAR, NOTHING) for at in numbers]

    assert line.say(*clear(3, 4, 5, 1), answers=2) == [resend(1), reply(m.CLIPS_CLEAR, 1)]
    assert line.say(*clear(3, 2), answers=2) == [resend(2), reply(m.CLIPS_CLEAR, 2)]
    assert line.say(*clear(3), answers=1) == [reply(m.CLIPS_CLEAR, 3)]
    assert line.say(*clear(9, 8, 4), answers=2) == [resend(4), reply(m.CLIPS_CLEAR, 4)]


def test_a_question_is_answered_anew_and_a_refusal_is_not(line: Line) -> None:
    line.hello()
    ask = (1, m.FEATURES_GET, b.FeaturesGet(0, 0, 1))  # of an empty slot
    put = (2, m.FEATURES_PUT, b.FeaturesPut(0, 0, b"x"))
    get = (3, m.FEATURES_GET, b.FeaturesGet(0, 0, 1))
    last = (4, m.STATUS, b.Empty())
    assert line.say(ask, put, get, last, answers=4)[0] == reply(m.FEATURES_GET, 1, Status.BAD_RANGE)
    again = [reply(m.FEATURES_GET, 1, Status.BAD_RANGE), reply(m.FEATURES_GET, 3)]
    assert line.say(ask, get, answers=2) == again


# -- uploads that another request crosses ----------------------------------------------------------


@pytest.fixture
def board(port: str) -> Iterator[Board]:
    with Board.connect(port) as connected:
        yield connected


def refusal(board: Board, exchange: m.Exchange[Any, Any], body: b.Message) -> int:
    with pytest.raises(DeviceError) as caught:
        board.link.request(exchange, body)
    return caught.value.status


def test_features_end_an_upload_into_their_slot_and_no_other(board: Board) -> None:
    link, some = board.link, b.Piece(0, bytes(2 * 100))
    for slot, goes_on in ((4, True), (3, False)):
        link.request(m.AUDIO_BEGIN, b.AudioBegin(100, 3, 1))
        link.request(m.FEATURES_PUT, b.FeaturesPut(slot, 0, bytes(FEATURE_BYTES)))
        if goes_on:
            link.request(m.AUDIO_DATA, some)
            link.request(m.AUDIO_END, b.Empty())
        else:
            assert refusal(board, m.AUDIO_DATA, some) == Status.NOT_STARTED
            board.relabel(slot, 2)  # its features are those that were put
            assert not board.get_features(slot).any()


def test_to_empty_slots_ends_an_upload(board: Board) -> None:
    board.link.request(m.AUDIO_BEGIN, b.AudioBegin(100, 3, 1))
    board.clear_clips()
    assert refusal(board, m.AUDIO_DATA, b.Piece(0, bytes(200))) == Status.NOT_STARTED


def test_an_upload_locks_the_label_of_its_slot(board: Board) -> None:
    board.put_features(np.ones((49, 10), np.int8), 3, 1)
    board.link.request(m.AUDIO_BEGIN, b.AudioBegin(100, 3, 1))
    assert board.status().clips == 0
    assert refusal(board, m.CLIP_SET, b.ClipSet(3, 1)) == Status.DATA_MISSING


@pytest.mark.parametrize("offset", [1, 50, 99, 101, 150])
def test_features_go_on_where_they_ended(board: Board, offset: int) -> None:
    link = board.link
    link.request(m.FEATURES_PUT, b.FeaturesPut(2, 0, b"a" * 100))
    assert refusal(board, m.FEATURES_PUT, b.FeaturesPut(2, offset, b"b")) == Status.BAD_RANGE
    rest = b.FeaturesPut(2, 100, b"c" * (FEATURE_BYTES - 100))
    link.request(m.FEATURES_PUT, rest)
    board.relabel(2, 1)
    expected = np.frombuffer(b"a" * 100 + b"c" * (FEATURE_BYTES - 100), np.int8)
    assert np.array_equal(board.get_features(2).reshape(-1), expected)
    link.request(m.FEATURES_PUT, b.FeaturesPut(2, 0, b"d"))  # from the start: all anew
    assert refusal(board, m.CLIP_SET, b.ClipSet(2, 1)) == Status.DATA_MISSING


@pytest.mark.parametrize("offset", [0, 3, 5])
def test_sound_goes_on_where_it_ended(board: Board, offset: int) -> None:
    board.link.request(m.AUDIO_BEGIN, b.AudioBegin(100, 2, 0))
    board.link.request(m.AUDIO_DATA, b.Piece(0, bytes(8)))
    assert refusal(board, m.AUDIO_DATA, b.Piece(offset, bytes(8))) == Status.BAD_RANGE
    board.link.request(m.AUDIO_DATA, b.Piece(4, bytes(8)))


@pytest.mark.parametrize("offset", [0, 99, 101])
def test_a_state_goes_on_where_it_ended(board: Board, offset: int) -> None:
    state, info = board.read_state(), board.info
    begin = b.StateBegin(info.model_abi, info.fingerprint, info.state_bytes, 0)
    board.link.request(m.STATE_BEGIN, begin)
    board.link.request(m.STATE_WRITE, b.Piece(0, state[:100]))
    assert refusal(board, m.STATE_WRITE, b.Piece(offset, state[:8])) == Status.BAD_RANGE
    board.link.request(m.STATE_WRITE, b.Piece(100, state[100:108]))
    board.write_state(state)
    assert board.read_state() == state
