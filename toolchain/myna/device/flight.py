# SPDX-License-Identifier: Apache-2.0
"""Requests on their way."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from myna.device.frame import Frame
from myna.device.messages import REPLY

R = TypeVar("R")


@dataclass
class Sent:
    """A request that the board has not answered, or whose turn to be handed out has not come."""

    code: int
    sequence: int
    encoded: bytes
    reply: Frame | None = None
    hurried: bool = False  # sent again because a later one was answered


@dataclass
class Flight:
    """Requests that were sent, and how long the board has been silent about them."""

    sent: deque[Sent] = field(default_factory=deque)
    silences: int = 0
    _last_life: float = 0.0

    @property
    def lost(self) -> list[Sent]:
        """Those without a reply."""
        return [sent for sent in self.sent if sent.reply is None]

    def alive(self) -> None:
        """The board said something about them, or they are new."""
        self._last_life, self.silences = time.monotonic(), 0

    def is_overdue(self, timeout_s: float) -> bool:
        """Whether there was nothing but silence for so long; the next one is counted from now."""
        if not self.lost or time.monotonic() - self._last_life <= timeout_s:
            return False
        self._last_life, self.silences = time.monotonic(), self.silences + 1
        return True

    def take(self, heard: Frame) -> Sent | None:
        """The request whose reply this is, which has it now."""
        for sent in self.lost:
            if (heard.type, heard.sequence) == (sent.code + REPLY, sent.sequence):
                sent.reply = heard
                self.alive()
                return sent
        return None


@dataclass(frozen=True)
class Pending(Generic[R]):
    """A request on its way. Until it has been called for the reply no other one may be made in
    order; those aside may.

    Attributes:
        is_ready: whether the reply has come; it does not wait.
        finish: waits for it; raises MynaError as `link.Link.request`.
    """

    is_ready: Callable[[], bool]
    finish: Callable[[], R]

    def __call__(self) -> R:
        """The reply, as soon as it is there."""
        return self.finish()
