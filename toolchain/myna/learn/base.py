# SPDX-License-Identifier: Apache-2.0
"""Learning of which only differences are told; twin of firmware/runtime/base.c.

What was not sent is sent later, but learning does not begin with it: all clients begin with the
base; who says little would otherwise go astray (docs/federated.md has figures).
"""

from __future__ import annotations

from collections.abc import Container
from typing import Protocol

import numpy as np

from myna.errors import MynaError
from myna.learn import codec
from myna.learn.vector import averaged, from_vector, to_vector
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
        self._unsent = b""  # the base, and what was not sent

    def set(self, block: bytes) -> None:
        """Make a block state and base; nothing is unsent."""
        self._holder.write_state(block)
        self._block = self._unsent = block

    def apply_difference(self, data: bytes) -> None:
        """Add an encoded difference to base, state, and the block of what was not sent.

        Raises:
            MynaError: it is of another base, or there is none.
        """
        program, base = self._program, self._known()
        difference = codec.decode(program, base, data)
        self._holder.write_state(codec.apply(program, self._holder.read_state(), difference))
        self._block, self._unsent = (
            codec.apply(program, block, difference) for block in (base, self._unsent)
        )

    def make_update(self, budget: int, private: Container[str] = ()) -> bytes:
        """What the state has beyond the base and what was not sent, in so many bytes at most.

        Afterwards the state is the base, but for private tensors, and what is still not sent waits.

        Raises:
            MynaError: there is no base, or nothing can be said in so few bytes.
        """
        program, base, state = self._program, self._known(), self._holder.read_state()
        known, own = to_vector(program, base), to_vector(program, state)
        parts = averaged(program)
        is_private = np.repeat([p.tensor in private for p in parts], [p.size for p in parts])
        difference = np.where(is_private, 0, own.astype(np.int64) - known)
        owed = codec.apply(program, self._unsent, difference)
        data, self._unsent = codec.encode(program, base, owed, budget, private)
        self._holder.write_state(from_vector(program, base, np.where(is_private, own, known)))
        return data

    def swap_unsent(self) -> None:
        """Exchange the state, and the block of the base and what was not sent.

        Raises:
            MynaError: there is no base.
        """
        self._known()
        state = self._holder.read_state()
        self._holder.write_state(self._unsent)
        self._unsent = state

    def retreat(self, share: int) -> None:
        """Take the state so many 256ths of the way back to the base, rounded towards it.

        Raises:
            MynaError: there is no base.
        """
        program, state = self._program, self._holder.read_state()
        known = to_vector(program, self._known()).astype(np.int64)
        apart = to_vector(program, state) - known
        kept = np.sign(apart) * (np.abs(apart) * (256 - share) >> 8)
        self._holder.write_state(from_vector(program, state, known + kept))

    def _known(self) -> bytes:
        if self._block is None:
            raise MynaError("knows no state", where="base", fix="send the whole state first")
        return self._block
