# SPDX-License-Identifier: Apache-2.0
"""Learning of which only differences are told; twin of firmware/runtime/handle_base.c."""

from __future__ import annotations

from typing import Protocol

from myna.errors import MynaError
from myna.learn import codec
from myna.passes.memory.plan import Program


class StateHolder(Protocol):
    """What has a state block."""

    def read_state(self) -> bytes: ...
    def write_state(self, block: bytes) -> None: ...


class Base:
    """The state that a server and whoever holds a state both know.

    Args:
        program: of both.
        holder: of the state.
    """

    def __init__(self, program: Program, holder: StateHolder) -> None:
        self._program, self._holder = program, holder
        self._block: bytes | None = None

    def set(self, block: bytes) -> None:
        """Make a block state and base."""
        self._holder.write_state(block)
        self._block = block

    def apply_difference(self, data: bytes) -> None:
        """Add an encoded difference to base and state.

        Raises:
            MynaError: it is of another base, or there is none.
        """
        base, state = self._known(), self._holder.read_state()
        difference = codec.decode(self._program, base, data)
        self._holder.write_state(codec.apply(self._program, state, difference))
        self._block = codec.apply(self._program, base, difference)

    def make_update(self, budget: int) -> bytes:
        """What the state has beyond the base, encoded in so many bytes at most.

        Afterwards the state is the base and what was not sent.

        Raises:
            MynaError: there is no base, or nothing can be said in so few bytes.
        """
        state = self._holder.read_state()
        data, rest = codec.encode(self._program, self._known(), state, budget)
        self._holder.write_state(rest)
        return data

    def _known(self) -> bytes:
        if self._block is None:
            raise MynaError("knows no state", where="base", fix="send the whole state first")
        return self._block
