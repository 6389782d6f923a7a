# SPDX-License-Identifier: Apache-2.0
"""Differences instead of states, on engines: in this process, and on boards over the line."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from myna.device import base as board_base
from myna.device.link import DeviceError
from myna.device.session import PIECE, Board
from myna.device.status import Status
from myna.engines.library import HostLibrary
from myna.engines.reference import Reference
from myna.learn.base import Base
from myna.learn.patch import cost, differing
from myna.learn.vector import averaged
from myna.names import CODE
from myna.passes.execute import initial_values
from myna.passes.memory.plan import Program


@dataclass(frozen=True)
class Crossed:
    """Bytes to an engine, and from it."""

    down: int
    up: int

    def plus(self, other: Crossed) -> Crossed:
        """Both together."""
        return Crossed(self.down + other.down, self.up + other.up)

    def since(self, before: Crossed) -> Crossed:
        """What was added."""
        return Crossed(self.down - before.down, self.up - before.up)


class EngineBase(Protocol):
    """The state that an engine and its user both know: the base."""

    def set(self, block: bytes) -> None:
        """Make a state block the engine's state, and the base."""

    def apply_difference(self, data: bytes) -> None:
        """Add an encoded difference (`learn.codec`) to base and state."""

    def make_update(self, budget: int, private: Container[str] = ()) -> bytes:
        """What the state has beyond the base, and what was not sent, in so many bytes at most.

        Afterwards the state is the base, but for private tensors.
        """

    def swap_unsent(self) -> None:
        """Exchange the state, and the block of the base and what was not sent."""

    @property
    def crossed(self) -> Crossed:
        """What these methods moved so far; on a line with frames, acknowledgements, repetitions."""


class CoreBase:
    """The base of an engine in this process."""

    def __init__(self, core: Reference | HostLibrary) -> None:
        self._base, self._program = Base(core.program, core), core.program
        self._down = self._up = 0

    def set(self, block: bytes) -> None:
        """See `EngineBase`."""
        self._base.set(block)
        self._down += min(cost(differing(_built(self._program), block)), len(block))

    def apply_difference(self, data: bytes) -> None:
        """See `EngineBase`."""
        self._base.apply_difference(data)
        self._down += len(data)

    def make_update(self, budget: int, private: Container[str] = ()) -> bytes:
        """See `EngineBase`."""
        data = self._base.make_update(budget, private)
        self._up += len(data)
        return data

    def swap_unsent(self) -> None:
        """See `EngineBase`."""
        self._base.swap_unsent()

    def retreat(self, share: int) -> None:
        """See `learn.base.Base`."""
        self._base.retreat(share)

    @property
    def crossed(self) -> Crossed:
        """See `EngineBase`."""
        return Crossed(self._down, self._up)


class BoardBase:
    """The base of a board; of one without room for it, in this process, at the cost of states."""

    def __init__(self, session: Board, program: Program) -> None:
        self._session, self._program = session, program
        self._instead: Base | None = None

    def set(self, block: bytes) -> None:
        """See `EngineBase`; of a state that hardly differs from the one as built only the rest.

        Where it would cost a board its user, a state is written whole.
        """
        pieces = differing(_built(self._program), block)
        if cost(pieces) < len(block) and CODE not in self._program.graph.tensors:
            self._session.reset_state()
            for start, piece in pieces:
                for at in range(0, len(piece), PIECE):
                    self._session.patch_state(start + at, piece[at : at + PIECE])
        else:
            self._session.write_state(block)
        try:
            board_base.set_base(self._session)
        except DeviceError as error:
            if error.status != Status.NO_BASE:
                raise
            self._instead = Base(self._program, self._session)
            self._instead.set(block)

    def apply_difference(self, data: bytes) -> None:
        """See `EngineBase`."""
        if self._instead is not None:
            self._instead.apply_difference(data)
        else:
            board_base.apply_difference(self._session, data)

    def make_update(self, budget: int, private: Container[str] = ()) -> bytes:
        """See `EngineBase`."""
        if self._instead is not None:
            return self._instead.make_update(budget, private)
        are_private = [part.tensor in private for part in averaged(self._program)]
        bits = np.packbits(are_private, bitorder="little").tobytes().rstrip(b"\0")
        return board_base.make_update(self._session, budget, bits)

    def swap_unsent(self) -> None:
        """See `EngineBase`."""
        if self._instead is not None:
            self._instead.swap_unsent()
        else:
            board_base.swap_unsent(self._session)

    @property
    def crossed(self) -> Crossed:
        """See `EngineBase`."""
        line = self._session.link.statistics
        return Crossed(line.bytes_sent, line.bytes_received)


def _built(program: Program) -> bytes:
    return program.pack(initial_values(program.graph))
