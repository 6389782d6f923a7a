# SPDX-License-Identifier: Apache-2.0
"""What a board does whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from myna.errors import MynaError


@contextmanager
def undoing(undo: Callable[[], None]) -> Iterator[None]:
    """Undo what was done if it does not end well, interrupted or refused.

    A board that no longer answers has lost it anyway: it wakes with what was saved before.
    """
    try:
        yield
    except BaseException:
        with suppress(MynaError):
            undo()
        raise
