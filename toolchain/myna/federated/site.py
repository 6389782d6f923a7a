# SPDX-License-Identifier: Apache-2.0
"""What serves clients in one process: their takes, and the engines on which they learn."""

from __future__ import annotations

import atexit
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from myna.errors import MynaError
from myna.evaluation.engine import FLOAT, Engine, EngineSpec
from myna.federated.client import DROPPED, Client, Order, learn
from myna.federated.updates import protected
from myna.learn import codec
from myna.learn.vector import with_parts
from myna.passes.memory.plan import Program
from myna.project import open_project


@dataclass(frozen=True)
class Told:
    """What a client is told of the server's state.

    Attributes:
        whole: the state block, if the client knows none that the differences begin with.
        differences: encoded (`learn.codec`), each to the state that the one before made.
    """

    whole: bytes | None
    differences: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Kept:
    """What a client keeps between rounds.

    Attributes:
        base: the state block that it and the server know.
        state: its own: the base, but for private tensors; empty if the board alone has it.
        unsent: the base and what it has not sent; empty likewise.
    """

    base: bytes
    state: bytes
    unsent: bytes


@dataclass(frozen=True)
class Update:
    """What a client sends.

    Attributes:
        data: the encoded update.
        client: its number.
        takes: learned, which weigh; 1 where all clients weigh the same, 0 where that is secret.
        accuracy: of the state that it began with on these takes, in percent; None where that is
            secret, and without classes.
        steps: training steps; 0 where that is secret.
        seconds: it took.
        bytes_down, bytes_up: that crossed to and from its engine for state and update; where it
            sends something else in place of the engine's update, the bytes of that.
        begun, unsent: the state that it began with, and the base with what it had not sent, where
            evidence is asked for; otherwise empty.
    """

    data: bytes
    client: int
    takes: int
    accuracy: float | None
    steps: int
    seconds: float
    bytes_down: int
    bytes_up: int
    begun: bytes = b""
    unsent: bytes = b""

    @property
    def digest(self) -> int:
        """CRC-32 of the encoded update."""
        return zlib.crc32(self.data)


@dataclass(frozen=True)
class Site:
    """Clients, and engines on which they take turns. Travels between processes while none is open.

    Attributes:
        clients: who is served here.
        engines: on which they take turns, in their order.
    """

    clients: Sequence[Client]
    engines: Sequence[EngineSpec]
    _open: dict[EngineSpec, tuple[ExitStack, Engine]] = field(default_factory=dict)
    _holds: dict[EngineSpec, int] = field(default_factory=dict)  # the client whose base it knows

    @cached_property
    def program(self) -> Program:
        """What all engines run."""
        spec = self.engines[0]
        return open_project(spec.model, spec.options).program

    @cached_property
    def _places(self) -> dict[int, int]:
        """Where each client stands among those that are served, by its number."""
        return {client.number: place for place, client in enumerate(self.clients)}

    def train(
        self, number: int, told: Told, order: Order, kept: Kept | None, noise_key: bytes = b""
    ) -> tuple[Update, Kept]:
        """One round of one client; also returns what it keeps for the next one.

        Args:
            number: the client's.
            told: of the server's state.
            order: of the round.
            kept: from its last round.
            noise_key: [32] of the noise that is added, if any.

        Raises:
            MynaError: its engine failed, runs another model, does not know what the differences
                begin with, or it drops out.
        """
        if order.drops(number):
            raise MynaError(DROPPED, where="client")
        spec = self._spec(number)
        try:
            update, kept = self._train(self._engine(spec), number, told, order, kept)
        except BaseException:
            self._close(spec)  # a board that was pulled is looked for again in the next round
            raise
        self._holds[spec] = number
        return self._protect(update, kept.base, order, noise_key), kept

    def _protect(self, update: Update, base: bytes, order: Order, noise_key: bytes) -> Update:
        if not order.clip:
            return update
        data = protected(self.program, base, update.data, order, noise_key)
        update = replace(update, data=data, takes=1, bytes_up=len(data))
        return replace(update, accuracy=None, steps=0) if order.noise else update

    def _train(
        self, engine: Engine, number: int, told: Told, order: Order, kept: Kept | None
    ) -> tuple[Update, Kept]:
        if told.whole is None:
            kept = self._recall(engine, number, kept)
        before = engine.base.crossed
        private = order.private(self.program)
        base = self._tell(engine, told, kept, private)
        told_of = engine.base.crossed.since(before)
        begun, unsent = blocks_of(engine) if order.evidence else (b"", b"")
        learned = learn(engine, self.clients[self._places[number]], order)
        before = engine.base.crossed
        data = engine.base.make_update(codec.budget(self.program, order.bits, private), private)
        crossed = engine.base.crossed.since(before).plus(told_of)
        own = (b"", b"") if self._has_its_own(number) else blocks_of(engine)
        update = Update(
            data,
            number,
            learned.takes,
            learned.accuracy,
            self._steps(learned.takes, order),
            learned.seconds,
            crossed.down,
            crossed.up,
            begun,
            unsent,
        )
        return update, Kept(base, *own)

    def _tell(
        self, engine: Engine, told: Told, kept: Kept | None, private: frozenset[str]
    ) -> bytes:
        """Make the server's state, which it returns, the base; an engine keeps what is private."""
        if told.whole is not None:
            own = (kept.state or engine.read_state()) if private and kept else b""
            engine.base.set(told.whole)
            if own:
                engine.write_state(with_parts(self.program, told.whole, own, private))
            return told.whole
        assert kept is not None
        base = kept.base
        for data in told.differences:
            engine.base.apply_difference(data)
            base = codec.apply(self.program, base, codec.decode(self.program, base, data))
        return base

    def _recall(self, engine: Engine, number: int, kept: Kept | None) -> Kept:
        """Give an engine that served another client meanwhile what this one keeps."""
        if kept is None:
            raise MynaError("knows no state of the server", where="client")
        if kept.state and self._holds.get(self._spec(number)) != number:
            restore(engine, kept)
        return kept

    def _spec(self, number: int) -> EngineSpec:
        return self.engines[self._places[number] % len(self.engines)]

    def _has_its_own(self, number: int) -> bool:
        """Whether a board serves this client alone, which then need not tell its state."""
        return self._spec(number).port is not None and len(self.clients) <= len(self.engines)

    def _steps(self, takes: int, order: Order) -> int:
        rehearsals = order.rehearsals if len(self.program.replay.labels) else 0
        return takes * order.epochs * (1 + rehearsals)

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
        self._holds.pop(spec, None)
        if spec in self._open:
            self._open.pop(spec)[0].close()

    def __getstate__(self) -> dict[str, Any]:
        return {"clients": self.clients, "engines": self.engines, "_open": {}, "_holds": {}}


def blocks_of(engine: Engine) -> tuple[bytes, bytes]:
    """An engine's state, and its base with what was not sent."""
    state = engine.read_state()
    engine.base.swap_unsent()
    unsent = engine.read_state()
    engine.base.swap_unsent()
    return state, unsent


def restore(engine: Engine, kept: Kept) -> None:
    """Give an engine what a client keeps."""
    engine.base.set(kept.base)
    engine.write_state(kept.unsent)
    engine.base.swap_unsent()
    engine.write_state(kept.state)


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
        if name == FLOAT:
            raise MynaError(
                "updates are integers, the float baseline has none",
                where="engine float",
                fix="use --engine host",
            )
        if not name:
            raise MynaError(
                f"a name is missing in {text!r}", where="--engine", fix="write A,B,… without gaps"
            )
        spec.check()
        specs.append(spec)
    return tuple(specs)
