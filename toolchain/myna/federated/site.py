# SPDX-License-Identifier: Apache-2.0
"""What serves clients in one process: their takes, and the engines on which they learn."""

from __future__ import annotations

import atexit
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from myna.errors import MynaError
from myna.evaluation.engine import FLOAT, Engine, EngineSpec
from myna.federated.client import DROPPED, Client, Order, learn
from myna.federated.codec import encode
from myna.learn.vector import to_vector
from myna.names import STEP
from myna.passes.memory.plan import Program
from myna.project import open_project


@dataclass(frozen=True)
class Update:
    """What a client sends.

    Attributes:
        data: the encoded update.
        client: its number.
        takes: learned.
        accuracy: of the server's state on these takes, in percent.
        steps: training steps.
        seconds: it took.
    """

    data: bytes
    client: int
    takes: int
    accuracy: float
    steps: int
    seconds: float

    @property
    def digest(self) -> int:
        """CRC-32 of the encoded update."""
        return zlib.crc32(self.data)


@dataclass(frozen=True)
class Site:
    """Clients, and engines on which they take turns. Travels between processes while none is open.

    Attributes:
        clients: by their numbers.
        engines: client `i` learns on engine `i` modulo their number.
    """

    clients: Sequence[Client]
    engines: Sequence[EngineSpec]
    _open: dict[EngineSpec, tuple[ExitStack, Engine]] = field(default_factory=dict)

    @cached_property
    def program(self) -> Program:
        """What all engines run."""
        spec = self.engines[0]
        return open_project(spec.model, spec.options).program

    def train(self, number: int, state: bytes, order: Order) -> Update:
        """One round of one client.

        Raises:
            MynaError: its engine failed, runs another model, or it drops out.
        """
        if order.drops(number):
            raise MynaError(DROPPED, where=self.clients[number].speaker)
        spec = self.engines[number % len(self.engines)]
        try:
            learned = learn(self._engine(spec), self.clients[number], state, order)
        except BaseException:
            self._close(spec)  # a board that was pulled is looked for again in the next round
            raise
        before, after = (to_vector(self.program, block) for block in (state, learned.state))
        steps = _steps(self.program, learned.state) - _steps(self.program, state)
        return Update(
            encode(after - before),
            number,
            learned.takes,
            learned.accuracy,
            steps,
            learned.seconds,
        )

    def close(self) -> None:
        """Let go of all engines."""
        for spec in list(self._open):
            self._close(spec)

    def _engine(self, spec: EngineSpec) -> Engine:
        if spec not in self._open:
            stack = ExitStack()
            atexit.register(stack.close)
            self._open[spec] = stack, stack.enter_context(spec.open())
        return self._open[spec][1]

    def _close(self, spec: EngineSpec) -> None:
        if spec in self._open:
            self._open.pop(spec)[0].close()

    def __getstate__(self) -> dict[str, Any]:
        return {"clients": self.clients, "engines": self.engines, "_open": {}}


def _steps(program: Program, state: bytes) -> int:
    return int(program.unpack(state)[STEP][0])


def engine_specs(text: str, like: EngineSpec) -> tuple[EngineSpec, ...]:
    """Engines of "A,B,…": names, or ports of boards that run.

    Args:
        text: what the user said.
        like: model and options.

    Raises:
        MynaError: there is no such engine, or it is no integer engine.
    """
    specs = []
    for name in text.split(","):
        is_port = "/" in name or "://" in name
        spec = EngineSpec("host" if is_port else name, like.model, like.options)
        spec = EngineSpec(spec.name, like.model, like.options, name) if is_port else spec
        spec.check()
        if name == FLOAT:
            raise MynaError(
                "updates are integers, the float baseline has none",
                where="engine float",
                fix="use --engine host",
            )
        specs.append(spec)
    return tuple(specs)
