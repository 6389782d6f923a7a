# SPDX-License-Identifier: Apache-2.0
"""The link against a scripted board: retries, window, order, and what users are told."""

from __future__ import annotations

import os
import pty
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from myna.device import bodies as b
from myna.device import messages as m
from myna.device.frame import DELIMITER, Decoder, Frame, encode
from myna.device.link import DeviceError, Link
from myna.device.ports import open_port
from myna.device.session import Board
from myna.device.status import Status
from myna.errors import MynaError

Answer = Callable[[Frame], list[bytes]]


class Script:
    """A channel behind which a function answers frames."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.decoder, self.received = answer, Decoder(), b""
        self.heard: list[Frame] = []
        self.sent: list[bytes] = []

    @property
    def in_waiting(self) -> int:
        return len(self.received)

    def read(self, size: int = 1) -> bytes:
        data, self.received = self.received[:size], self.received[size:]
        return data

    def write(self, data: bytes) -> int:
        self.sent.append(data)
        for frame in self.decoder.feed(data):
            self.heard.append(frame)
            self.received += b"".join(self.answer(frame))
        return len(data)

    def close(self) -> None:
        self.received = b""


def _reply(frame: Frame, payload: bytes = b"", status: int = 0) -> bytes:
    return encode(Frame(frame.type + m.REPLY, frame.sequence, payload, status))


def _link(answer: Answer, timeout_s: float = 0.002) -> tuple[Link, Script]:
    script = Script(answer)
    return Link(script, "script", timeout_s=timeout_s, attempts=3), script


PIECES = [b.Piece(i, bytes([i]) * 20) for i in range(40)]


def test_a_request_is_repeated_until_answered() -> None:
    count = iter(range(100))
    link, script = _link(lambda frame: [_reply(frame)] if next(count) == 2 else [])
    link.request(m.CLIPS_CLEAR, b.ClipsClear(0))
    assert len({frame.sequence for frame in script.heard}) == 1
    assert len(script.heard) == 3
    assert (link.statistics.frames_sent, link.statistics.frames_resent) == (1, 2)
    assert script.sent[1].startswith(DELIMITER)


def test_a_request_that_is_begun_runs_while_its_caller_is_busy() -> None:
    link, script = _link(lambda frame: [_reply(frame, b.TrainReply(7, b"").pack())])
    ended = link.begin(m.TRAIN, b.Train(1))
    assert [frame.type for frame in script.heard] == [m.TRAIN.code]
    time.sleep(0.005)  # longer than the link's patience, but the reply is there
    assert ended().step == 7
    assert link.statistics.frames_resent == 0


def test_a_request_aside_is_answered_while_another_one_runs() -> None:
    sound = b.SoundReply(3, 0, 0, 0, 0, 0, 0, b"")

    def answer(frame: Frame) -> list[bytes]:
        if frame.type == m.SOUND_PUT.code:
            return [_reply(frame, sound.pack())]
        return []

    link, script = _link(answer)
    pending = link.begin(m.TRAIN, b.Train(1))
    assert link.request(m.SOUND_PUT, b.SoundPut(0, 0, b"123456")) == sound
    assert not pending.is_ready()
    begun = script.heard[0]
    script.received += _reply(begun, b.TrainReply(7, b"").pack())
    assert link.request(m.SOUND_PUT, b.SoundPut(3, 0, b"")) == sound
    assert pending.is_ready()
    assert pending().step == 7


def test_a_request_that_is_begun_is_repeated_and_refused_as_any_other() -> None:
    count = iter(range(100))
    link, script = _link(
        lambda frame: [_reply(frame, status=Status.BAD_SLOT)] if next(count) == 2 else []
    )
    ended = link.begin(m.INFER, b.Infer(99))
    with pytest.raises(DeviceError, match="no such clip slot"):
        ended()
    assert len(script.heard) == 3


def test_silence_ends_in_an_error_that_says_what_to_do() -> None:
    link, _ = _link(lambda frame: [])
    with pytest.raises(MynaError, match=r"script: the board has not answered[\s\S]*reset"):
        link.request(m.CLIPS_CLEAR, b.ClipsClear(0))


def test_progress_extends_the_deadline() -> None:
    def answer(frame: Frame) -> list[bytes]:
        alive = encode(Frame(m.PROGRESS.code, frame.sequence, b.Progress(1).pack()))
        done = len(script.heard) > 10
        return [_reply(frame, b.TrainReply(1, b"").pack())] if done else [alive]

    link, script = _link(answer)
    assert link.request(m.TRAIN, b.Train(1)).step == 1
    assert len(script.heard) == 11


def test_progress_of_what_nobody_waits_for_is_a_sign_of_life() -> None:
    """Training goes on when the host that asked for it was interrupted; others wait their turn."""

    def answer(frame: Frame) -> list[bytes]:
        busy = encode(Frame(m.PROGRESS.code, 0xFFFF & (frame.sequence - 9), b.Progress(1).pack()))
        return [_reply(frame)] if len(script.heard) > 10 else [busy]

    link, script = _link(answer)
    link.request(m.CLIPS_CLEAR, b.ClipsClear(0))
    assert len(script.heard) == 11


@pytest.mark.parametrize("whole", [0, 1, 5])
def test_after_an_interruption_the_session_is_opened_anew(whole: int) -> None:
    """Requests that were numbered and never sent would be waited for by the board for ever."""
    expected: list[int] = []

    def answer(frame: Frame) -> list[bytes]:
        if frame.type == m.HELLO.code:
            expected[:] = [frame.sequence]
        if expected and frame.sequence != expected[0]:
            return []  # the board says RESEND, which nobody can do
        expected[:] = [frame.sequence + 1]
        return _hello()(frame) if frame.type == m.HELLO.code else [_reply(frame)]

    class Interrupting(Script):
        def write(self, data: bytes) -> int:
            if len(self.heard) == whole and not interrupted:
                interrupted.append(True)
                raise KeyboardInterrupt
            return super().write(data)

    interrupted: list[bool] = []
    link = Link(Interrupting(answer), "script", timeout_s=0.002, attempts=3)
    with pytest.raises(KeyboardInterrupt):
        link.stream(m.STATE_WRITE, PIECES)
    link.request(m.CLIPS_CLEAR, b.ClipsClear(0))


def test_refusals_carry_the_status() -> None:
    link, _ = _link(lambda frame: [_reply(frame, status=Status.BAD_SLOT)])
    with pytest.raises(DeviceError, match="INFER refused: no such clip slot") as caught:
        link.request(m.INFER, b.Infer(99))
    assert caught.value.status == Status.BAD_SLOT


def test_an_unknown_status_is_an_error_too() -> None:
    link, _ = _link(lambda frame: [_reply(frame, status=200)])
    with pytest.raises(DeviceError, match="status 200"):
        link.request(m.CLIPS_CLEAR, b.ClipsClear(0))


@pytest.mark.parametrize("window", [1, 100, 10_000])
def test_unanswered_bytes_stay_within_the_window(window: int) -> None:
    held: list[Frame] = []
    most = [0, 0]

    def answer(frame: Frame) -> list[bytes]:
        held.append(frame)
        size = sum(len(encode(one)) for one in held)
        most[:] = [max(most[0], size), max(most[1], len(held))]
        return []

    class Slow(Script):
        def read(self, size: int = 1) -> bytes:
            if not self.received and held:
                self.received = _reply(held.pop(0))
            return super().read(size)

    script = Slow(answer)
    link = Link(script, "script", timeout_s=5)
    link.window = window
    link.stream(m.STATE_WRITE, PIECES)
    one = len(encode(script.heard[0]))
    assert most[0] <= max(window, one)
    assert most[1] == (1 if window == 1 else min(m.IN_FLIGHT, window // one))
    assert [frame.payload for frame in script.heard] == [piece.pack() for piece in PIECES]


def test_replies_that_are_kept_are_awaited_one_by_one() -> None:
    def answer(frame: Frame) -> list[bytes]:
        return [_reply(frame, b.TrainReply(len(script.heard), b"").pack())]

    link, script = _link(answer)
    link.window = 10_000
    assert [r.step for r in link.stream(m.TRAIN, [b.Train(1)] * 3)] == [1, 2, 3]


def test_a_lost_reply_is_asked_for_as_soon_as_a_later_one_comes() -> None:
    def answer(frame: Frame) -> list[bytes]:
        return [] if len(script.heard) == 2 else [_reply(frame)]

    link, script = _link(answer, timeout_s=60)
    link.window = 10_000
    link.stream(m.STATE_WRITE, PIECES)
    assert link.statistics.frames_resent == 1


def test_resend_repeats_what_is_unanswered_at_once() -> None:
    def answer(frame: Frame) -> list[bytes]:
        if len(script.heard) > 2:
            return [_reply(frame)]
        lost = script.heard[0].sequence
        return (
            [encode(Frame(m.RESEND.code, lost, b.Resend(lost).pack()))]
            if len(script.heard) == 2
            else []
        )

    link, script = _link(answer, timeout_s=60)
    link.window = 10_000
    link.stream(m.STATE_WRITE, PIECES[:2])
    assert link.statistics.frames_resent == 2


def test_replies_of_another_session_are_ignored() -> None:
    def answer(frame: Frame) -> list[bytes]:
        stale = Frame(frame.type, (frame.sequence - 1) & 0xFFFF)
        return [_reply(stale, b"", Status.BAD_SLOT), _reply(frame)]

    link, _ = _link(answer)
    assert link.request(m.CLIPS_CLEAR, b.ClipsClear(0)) == b.Empty()


def test_sequence_numbers_wrap() -> None:
    link, script = _link(lambda frame: [_reply(frame)])
    link._sequence = 0xFFF0
    link.stream(m.STATE_WRITE, PIECES)
    numbers = [frame.sequence for frame in script.heard]
    assert numbers == [(0xFFF0 + i) & 0xFFFF for i in range(40)]


def _hello(**changes: object) -> Answer:
    fields: dict[str, object] = dict.fromkeys(b.HelloReply.__dataclass_fields__, 1)
    fields |= {"model": "kws", "board": "host", "protocol": m.PROTOCOL_ABI}

    def answer(frame: Frame) -> list[bytes]:
        if frame.type != m.HELLO.code:
            return [_reply(frame, b"a")]
        nonce = b.Hello.unpack(frame.payload).nonce
        return [_reply(frame, b.HelloReply(**(fields | {"nonce": nonce} | changes)).pack())]

    return answer


def test_a_board_of_another_protocol_is_refused() -> None:
    link, _ = _link(_hello(protocol=0xABC))
    with pytest.raises(MynaError, match=r"speaks protocol 00000abc[\s\S]*myna flash"):
        Board(link)


def test_an_answer_to_another_session_is_refused() -> None:
    link, _ = _link(_hello(nonce=0))
    with pytest.raises(MynaError, match="not for this session"):
        Board(link)


def test_another_model_is_refused_by_name() -> None:
    link, _ = _link(_hello(fingerprint=0x77))
    board = Board(link)
    board.expect(0x77)
    board.expect(None)
    with pytest.raises(MynaError, match=r"runs model 'kws' \(00000077\), not the one meant"):
        board.expect(0x78)


def test_a_missing_port_is_named() -> None:
    with pytest.raises(MynaError, match=r"/dev/no-such-port[\s\S]*ports on this machine"):
        open_port("/dev/no-such-port")


def test_a_refused_connection_is_named() -> None:
    with pytest.raises(MynaError, match=r"socket://127.0.0.1:1: cannot open"):
        open_port("socket://127.0.0.1:1")


def test_a_file_is_no_port(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(MynaError, match="is no serial port"):
        open_port(str(path))


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    master, slave = pty.openpty()
    name = os.ttyname(slave)
    os.close(slave)
    yield master, name
    os.close(master)


def test_a_port_in_use_is_refused(terminal: tuple[int, str]) -> None:
    first = open_port(terminal[1])
    with pytest.raises(MynaError, match="close the other program"):
        open_port(terminal[1])
    first.close()


def test_unplugging_in_mid_operation_is_told() -> None:
    master, slave = pty.openpty()
    link = Link(open_port(os.ttyname(slave)), "port")
    os.close(slave)
    os.close(master)
    with link, pytest.raises(MynaError, match=r"port: the connection was lost[\s\S]*cable"):
        link.request(m.CLIPS_CLEAR, b.ClipsClear(0))
