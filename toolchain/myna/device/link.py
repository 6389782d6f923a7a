# SPDX-License-Identifier: Apache-2.0
"""Requests over a lossy serial line: retries, several requests in flight, statistics."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self, TypeVar

from myna.device import frame, messages
from myna.device.bodies import Hello, HelloReply, Progress
from myna.device.frame import Frame
from myna.device.messages import IN_FLIGHT, REPLY, Exchange
from myna.device.ports import Channel
from myna.device.status import MEANINGS, Status
from myna.device.wire import Message
from myna.errors import MynaError

Q = TypeVar("Q", bound=Message)
R = TypeVar("R", bound=Message)

TIMEOUT_S = 0.5  # of silence before a request is sent again
ATTEMPTS = 20  # of them before the board is given up


class DeviceError(MynaError):
    """The board refused a request.

    Attributes:
        status: why.
    """

    def __init__(self, name: str, status: int, *, where: str) -> None:
        known = status in list(Status)
        what, fix = MEANINGS[Status(status)] if known else (f"status {status}", "flash firmware")
        super().__init__(f"{name} refused: {what}", where=where, fix=fix)
        self.status = status


@dataclass
class Statistics:
    """What went over the line since it was opened."""

    frames_sent: int = 0
    frames_resent: int = 0
    frames_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0


@dataclass
class _Sent:
    """A request that the board has not answered, or whose turn to be handed out has not come."""

    sequence: int
    encoded: bytes
    reply: Frame | None = None
    hurried: bool = False  # sent again because a later one was answered


class Link:
    """One session with a board.

    Args:
        channel: an open port (`ports.open_port`).
        name: the port's name, for messages.
        timeout_s: silence after which a request is sent again; anything the board says about the
            request starts it anew, so that long operations may take any time.
        attempts: timeouts in a row after which the board counts as gone.

    Attributes:
        statistics: what went over the line.
        window: bytes that may be unanswered, as the board says in HELLO.
        on_progress: called with the number that the board tells of a long request.
    """

    def __init__(
        self,
        channel: Channel,
        name: str,
        *,
        timeout_s: float = TIMEOUT_S,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.statistics = Statistics()
        self.window = frame.MAX_ENCODED
        self.name = name
        self.on_progress: Callable[[int], None] | None = None
        self._channel = channel
        self._timeout_s, self._attempts = timeout_s, attempts
        self._decoder = frame.Decoder()
        self._sequence = random.SystemRandom().randrange(1 << 16)
        self._is_interrupted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def frames_damaged(self) -> int:
        """Received frames that were dropped because their bytes were wrong."""
        return self._decoder.damaged

    def close(self) -> None:
        """Frees the port."""
        self._channel.close()

    def request(self, exchange: Exchange[Q, R], message: Q) -> R:
        """Sends one request and returns its reply.

        Raises:
            DeviceError: the board refused it.
            MynaError: the board does not answer, or the port is gone. Connect anew.
        """
        return self.begin(exchange, message)()

    def hello(self) -> HelloReply:
        """Opens a session, or opens it anew.

        Raises:
            MynaError: the answer is another one's; and as for `request`.
        """
        nonce = random.SystemRandom().randrange(1 << 32)
        reply = self.request(messages.HELLO, Hello(nonce, messages.PROTOCOL_ABI))
        if reply.nonce != nonce:
            raise MynaError(
                "the answer is not for this session",
                where=self.name,
                fix="close other programs that use the port, then try again",
            )
        return reply

    def begin(self, exchange: Exchange[Q, R], message: Q) -> Callable[[], R]:
        """Sends one request; call what this returns for its reply, before any other request."""
        flying: deque[_Sent] = deque()
        self._resume()
        with self._interruptible():
            self._launch(deque([self._encode(exchange, message)]), flying, 1)

        def reply() -> R:
            with self._interruptible():
                (frame,) = self._collect(exchange, deque(), flying)
            return self._open(exchange, frame)

        return reply

    def stream(
        self,
        exchange: Exchange[Q, R],
        requests: Sequence[Q],
        progress: Callable[[int], None] | None = None,
    ) -> list[R]:
        """Sends requests of one kind, several in flight, and returns their replies in order.

        Args:
            exchange: which request; one whose reply is kept on the board goes alone.
            requests: what to send.
            progress: called with the number of replies so far.

        Raises:
            DeviceError: the board refused one; the later ones may have been executed.
            MynaError: the board does not answer, or the port is gone. Connect anew.
        """
        self._resume()
        encoded = deque(self._encode(exchange, message) for message in requests)
        with self._interruptible():
            replies = self._collect(exchange, encoded, deque(), progress)
        return [self._open(exchange, reply) for reply in replies]

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Around what sends and waits: it leaves requests that were never sent, or cut short."""
        try:
            yield
        except BaseException:
            self._is_interrupted = True
            raise

    def _resume(self) -> None:
        """After an interruption, open the session anew: the board would wait for what is cut."""
        if self._is_interrupted:
            self._is_interrupted = False
            self.hello()

    def _collect(
        self,
        exchange: Exchange[Q, R],
        waiting: deque[_Sent],
        flying: deque[_Sent],
        progress: Callable[[int], None] | None = None,
    ) -> list[Frame]:
        """The replies to requests that were sent or are still to be sent, in order."""
        width = 1 if exchange.repeat is messages.Repeat.ANSWER else IN_FLIGHT
        replies: list[Frame] = []
        last_life, silences = time.monotonic(), 0
        while waiting or flying:
            self._launch(waiting, flying, width)
            if self._listen(exchange, flying):
                last_life, silences = time.monotonic(), 0
            elif time.monotonic() - last_life > self._timeout_s:
                last_life, silences = time.monotonic(), silences + 1
                self._give_up_after(silences)
                self._resend([sent for sent in flying if sent.reply is None])
            while flying and (reply := flying[0].reply):
                flying.popleft()
                replies.append(reply)
                if progress:
                    progress(len(replies))
        return replies

    def _encode(self, exchange: Exchange[Q, R], message: Q) -> _Sent:
        sequence = self._sequence
        self._sequence = (sequence + 1) & 0xFFFF
        return _Sent(sequence, frame.encode(Frame(exchange.code, sequence, message.pack())))

    def _launch(self, waiting: deque[_Sent], flying: deque[_Sent], width: int) -> None:
        """Sends what fits into the window; at least one request is always under way."""
        while waiting and len(flying) < width:
            used = sum(len(sent.encoded) for sent in flying if sent.reply is None)
            if used and used + len(waiting[0].encoded) > self.window:
                break
            flying.append(waiting.popleft())
            self._write(flying[-1].encoded)
            self.statistics.frames_sent += 1

    def _resend(self, lost: Sequence[_Sent]) -> None:
        """Sends requests again; the delimiter in front ends whatever came through of before."""
        for sent in lost:
            self._write(frame.DELIMITER + sent.encoded)
            self.statistics.frames_resent += 1

    def _listen(self, exchange: Exchange[Q, R], flying: deque[_Sent]) -> bool:
        """Takes what the board said; whether any of it was about the requests in flight."""
        life = False
        by_sequence = {sent.sequence: sent for sent in flying}
        for heard in self._read():
            if heard.type == messages.PROGRESS.code:
                life = True  # whatever it is busy with: perhaps a request that nobody waits for
            sent = by_sequence.get(heard.sequence)
            if sent is None or sent.reply is not None:
                continue
            if heard.type == exchange.code + REPLY:
                sent.reply, life = heard, True
                self._hurry(flying, sent)
            elif heard.type == messages.PROGRESS.code and self.on_progress:
                self.on_progress(Progress.unpack(heard.payload).step)
            elif heard.type == messages.RESEND.code:
                self._resend([other for other in flying if other.reply is None])
        return life

    def _hurry(self, flying: deque[_Sent], answered: _Sent) -> None:
        """Requests run in order, so replies to earlier ones are lost: ask again without a wait."""
        for sent in flying:
            if sent is answered:
                break
            if sent.reply is None and not sent.hurried:
                sent.hurried = True
                self._resend([sent])

    def _open(self, exchange: Exchange[Q, R], reply: Frame) -> R:
        if reply.status != Status.OK:
            raise DeviceError(exchange.name, reply.status, where=self.name)
        return exchange.reply.unpack(reply.payload)

    def _give_up_after(self, silences: int) -> None:
        if silences >= self._attempts:
            raise MynaError(
                f"the board has not answered for {silences * self._timeout_s:.0f} s",
                where=self.name,
                fix="reset the board; check that it runs Myna's firmware, and the port's name",
            )

    def _read(self) -> list[Frame]:
        try:
            data = self._channel.read(1)
            data += self._channel.read(self._channel.in_waiting) if data else b""
        except OSError as error:
            raise self._gone(error) from error
        self.statistics.bytes_received += len(data)
        frames = self._decoder.feed(data)
        self.statistics.frames_received += len(frames)
        return frames

    def _write(self, data: bytes) -> None:
        self.statistics.bytes_sent += len(data)
        try:
            self._channel.write(data)
        except OSError as error:
            raise self._gone(error) from error

    def _gone(self, error: OSError) -> MynaError:
        what, fix = f"the connection was lost: {error}", "check the cable, then connect again"
        return MynaError(what, where=self.name, fix=fix)
