# SPDX-License-Identifier: Apache-2.0
"""How long something will take, from the pace at which it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

AFTER = 3.0  # seconds after which a pace is known


@dataclass
class Forecast:
    """Takes the same reports as a progress bar, and tells once how many seconds remain at most.

    It tells again if there turns out to be more to do than was thought.

    Attributes:
        tell: called with seconds.
        clock: seconds, from any time on.
    """

    tell: Callable[[float], None]
    clock: Callable[[], float] = time.monotonic
    _begun: float | None = field(default=None, init=False)
    _told: int = field(default=0, init=False)  # the total for which it told

    def report(self, done: int, total: int) -> None:
        """So many steps are done, of so many at most."""
        now = self.clock()
        if self._begun is None:
            self._begun, self._first = now, done
        elapsed, steps = now - self._begun, done - self._first
        if elapsed >= AFTER and steps and total > max(self._told, done):
            self._told = total
            self.tell(elapsed * (total - done) / steps)
