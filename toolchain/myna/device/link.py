# SPDX-License-Identifier: Apache-2.0
"""Requests over a lossy serial line: retries, several requests in flight, others aside."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Self, TypeVar

from myna.device import frame, messages
from myna.device.bodies import Hello, HelloReply, Progress
from myna.device.flight import Flight, Pending, Sent
from myna.device.frame import Frame
from myna.device.line import Line
from myna.device.messages import IN_FLIGHT, Exchange
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
        self._line = Line(channel, name)
        self.statistics = self._line.statistics
        self.window = frame.MAX_ENCODED
        self.name = name
        self.on_progress: Callable[[int], None] | None = None
        self._timeout_s, self._attempts = timeout_s, attempts
        self._flying, self._aside = Flight(), Flight()
        self._sequence = random.SystemRandom().randrange(1 << 16)
        self._number = 0  # of requests aside
        self._is_interrupted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def frames_damaged(self) -> int:
        """Received frames that were dropped because their bytes were wrong."""
        return self._line.damaged

    def close(self) -> None:
        """Frees the port."""
        self._line.close()

    def request(self, exchange: Exchange[Q, R], message: Q) -> R:
        """Sends one request and returns its reply; one outside the order also while another runs.

        Raises:
            DeviceError: the board refused it.
            MynaError: the board does not answer, or the port is gone. Connect anew.
        """
        if exchange.repeat is messages.Repeat.ASIDE:
            return self._ask_aside(exchange, message)
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

    def begin(self, exchange: Exchange[Q, R], message: Q) -> Pending[R]:
        """Sends one request; call what this returns for its reply."""
        self._resume()
        with self._interruptible():
            self._launch(deque([self._encode(exchange, message)]), 1)
        return Pending(self._has_reply, partial(self._finish, exchange))

    def _finish(self, exchange: Exchange[Q, R]) -> R:
        """The reply to the request that was begun; see `Pending`."""
        with self._interruptible():
            (frame,) = self._collect(deque(), 1)
        return self._open(exchange, frame)

    def _has_reply(self) -> bool:
        """Whether the request that was begun is answered."""
        with self._interruptible():
            if self._line.has_input:
                self._listen()
            self._look_after(self._flying)
        return not self._flying.lost

    def _ask_aside(self, exchange: Exchange[Q, R], message: Q) -> R:
        """A request outside the order, perhaps while one that was begun runs."""
        self._number = (self._number + 1) & 0xFFFF
        encoded = frame.encode(Frame(exchange.code, self._number, message.pack()))
        sent = Sent(exchange.code, self._number, encoded)
        self._aside.sent = deque([sent])
        self._aside.alive()
        with self._interruptible():
            self._send(sent)
            while sent.reply is None:
                self._listen()
                self._look_after(self._aside)
                self._look_after(self._flying)
        return self._open(exchange, sent.reply)

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
            width = 1 if exchange.repeat is messages.Repeat.ANSWER else IN_FLIGHT
            replies = self._collect(encoded, width, progress)
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
        self._flying.sent.clear()
        if self._is_interrupted:
            self._is_interrupted = False
            self.hello()

    def _collect(
        self,
        waiting: deque[Sent],
        width: int,
        progress: Callable[[int], None] | None = None,
    ) -> list[Frame]:
        """The replies to requests that were sent or are still to be sent, in order."""
        flying, replies = self._flying.sent, list[Frame]()
        while waiting or flying:
            self._launch(waiting, width)
            self._listen()
            self._look_after(self._flying)
            while flying and (reply := flying[0].reply):
                flying.popleft()
                replies.append(reply)
                if progress:
                    progress(len(replies))
        return replies

    def _look_after(self, flight: Flight) -> None:
        """After a silence, send again what has no reply."""
        if flight.is_overdue(self._timeout_s):
            self._give_up_after(flight.silences)
            self._resend(flight.lost)

    def _encode(self, exchange: Exchange[Q, R], message: Q) -> Sent:
        sequence = self._sequence
        self._sequence = (sequence + 1) & 0xFFFF
        return Sent(
            exchange.code, sequence, frame.encode(Frame(exchange.code, sequence, message.pack()))
        )

    def _launch(self, waiting: deque[Sent], width: int) -> None:
        """Sends what fits into the window; at least one request is always under way."""
        flying = self._flying
        if not flying.sent:
            flying.alive()
        while waiting and len(flying.sent) < width:
            used = sum(len(sent.encoded) for sent in flying.lost)
            if used and used + len(waiting[0].encoded) > self.window:
                break
            flying.sent.append(waiting.popleft())
            self._send(flying.sent[-1])

    def _send(self, sent: Sent) -> None:
        self._line.write(sent.encoded)
        self.statistics.frames_sent += 1

    def _resend(self, lost: Sequence[Sent]) -> None:
        """Sends requests again; the delimiter in front ends whatever came through of before."""
        for sent in lost:
            self._line.write(frame.DELIMITER + sent.encoded)
            self.statistics.frames_resent += 1

    def _listen(self) -> None:
        """Takes what the board says."""
        for heard in self._line.read():
            if heard.type == messages.PROGRESS.code:
                for flight in (self._flying, self._aside):
                    flight.alive()  # whatever it is busy with: perhaps what nobody waits for
            if self._aside.take(heard):
                continue
            if answered := self._flying.take(heard):
                self._hurry(answered)
            if any(heard.sequence == sent.sequence for sent in self._flying.lost):
                self._attend(heard)

    def _attend(self, heard: Frame) -> None:
        """What the board says of a request before its reply."""
        if heard.type == messages.PROGRESS.code and self.on_progress:
            self.on_progress(Progress.unpack(heard.payload).step)
        elif heard.type == messages.RESEND.code:
            self._resend(self._flying.lost)

    def _hurry(self, answered: Sent) -> None:
        """Requests run in order, so replies to earlier ones are lost: ask again without a wait."""
        for sent in self._flying.sent:
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
