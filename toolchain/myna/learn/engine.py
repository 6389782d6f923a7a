# SPDX-License-Identifier: Apache-2.0
"""What can learn: the reference, the C core in this process, a board, the float oracle.

Reference, C core and boards give the same predictions, losses and states, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from myna import fixed
from myna.device import target
from myna.device.schedule import shuffle
from myna.device.session import Board
from myna.errors import MynaError
from myna.interpret import Reference
from myna.ir import Array
from myna.learn.examples import Examples
from myna.passes.plan import Program
from myna.passes.tape import SEED, STEP
from myna.pipeline import Options
from myna.project import open_project

Labels = npt.NDArray[np.int64]
Losses = npt.NDArray[np.float64]  # nats
Q16 = 65536.0

FLOAT, REFERENCE, HOST = "float", "reference", "host"


class Engine(Protocol):
    """A keyword spotter that learns by SGD, one example a step."""

    def reset(self) -> None:
        """The state as built."""

    def set_state(self, name: str, value: Array) -> None:
        """Assign "learning_rate" (a pair), "seed", "step" or "classes" (int32[1])."""

    def predict(self, features: npt.NDArray[np.int8]) -> Labels:
        """The classes of feature maps, int8 [n, frames, coefficients] -> [n]."""

    def train(self, examples: Examples, steps: int) -> Losses:
        """Training steps in the order of `device.schedule`; the loss before each, in nats."""


class Core(Protocol):
    """What `Reference` and `HostLibrary` have in common."""

    program: Program

    def reset(self) -> None: ...
    def set_state(self, name: str, value: Array) -> None: ...
    def read_state(self) -> bytes: ...
    def predict(self, features: Array) -> int: ...
    def train_step(self, features: Array, label: int) -> int: ...


class CoreEngine:
    """An engine in this process.

    Attributes:
        core: what computes.
    """

    def __init__(self, core: Core) -> None:
        self.core = core
        self.reset, self.set_state = core.reset, core.set_state

    def predict(self, features: npt.NDArray[np.int8]) -> Labels:
        """See `Engine`."""
        return np.array([self.core.predict(one) for one in features], np.int64)

    def train(self, examples: Examples, steps: int) -> Losses:
        """See `Engine`."""
        seed, step = (self._scalar(name) for name in (SEED, STEP))
        losses = [
            self.core.train_step(examples.features[i], int(examples.labels[i]))
            for i in order(len(examples), seed, step, steps)
        ]
        return np.array(losses) / Q16

    def _scalar(self, name: str) -> int:
        offset = self.core.program.state[name]
        return int(np.frombuffer(self.core.read_state(), "<i4", 1, offset)[0])


class BoardEngine:
    """An engine on a board; it takes the board's clip slots for itself."""

    def __init__(self, session: Board, program: Program) -> None:
        self._session, self._program = session, program
        self._stored: Examples | None = None

    def reset(self) -> None:
        """See `Engine`."""
        self._session.reset_state()

    def set_state(self, name: str, value: Array) -> None:
        """See `Engine`."""
        patch_state(self._session, self._program, name, value)

    def predict(self, features: npt.NDArray[np.int8]) -> Labels:
        """See `Engine`."""
        slots = self._session.info.max_clips
        found: list[int] = []
        for start in range(0, len(features), slots):
            piece = features[start : start + slots]
            self._store(Examples(piece, np.zeros(len(piece), np.int64)))
            labels = self._session.score().labels
            found += [labels[slot] for slot in range(len(piece))]
        return np.array(found, np.int64)

    def train(self, examples: Examples, steps: int) -> Losses:
        """See `Engine`.

        Raises:
            MynaError: there are more examples than clip slots.
        """
        self._store(examples)
        return self._session.train(steps) / Q16

    def _store(self, examples: Examples) -> None:
        if examples is self._stored:
            return
        self._stored = None
        store_examples(self._session, examples)
        self._stored = examples


def store_examples(session: Board, examples: Examples) -> None:
    """Replace all clips of a board by these, from slot 0 on.

    Raises:
        MynaError: there are more examples than clip slots; nothing has changed then.
    """
    require_slots(session, len(examples))
    session.clear_clips()
    for slot, (features, label) in enumerate(
        zip(examples.features, examples.labels.tolist(), strict=True)
    ):
        session.put_features(features, slot, label)


def require_slots(session: Board, clips: int, stored: int = 0) -> None:
    """Raise a MynaError unless the board has room for more clips beside those it stores."""
    slots = session.info.max_clips
    if clips + stored > slots:
        beside = f" beside the {stored} it holds" if stored else ""
        raise MynaError(
            f"the board stores at most {slots} clips, {clips} do not fit{beside}",
            where=session.link.name,
            fix="enroll fewer takes or fewer words",
        )


def patch_state(session: Board, program: Program, name: str, value: Array) -> None:
    """Assign a state tensor of a board."""
    tensor = program.graph.tensors[name]
    data = np.asarray(value, tensor.dtype).tobytes()
    session.patch_state(program.state[name], data)


def order(count: int, seed: int, step: int, steps: int) -> list[int]:
    """Which of `count` examples each of the next `steps` steps sees."""
    found: list[int] = []
    while len(found) < steps:
        epoch, begun = divmod(step + len(found), count)
        found += shuffle(range(count), seed, epoch)[begun:]
    return found[:steps]


def scalar(value: int) -> Array:
    """An integer as the state keeps it, int32[1]."""
    return np.array([value], np.int32)


def rate_pair(rate: float) -> Array:
    """A learning rate as the state keeps it, int32[2]."""
    return np.array(fixed.pair_from_float(rate), np.int32)


@dataclass(frozen=True)
class EngineSpec:
    """How to make an engine; travels between processes.

    Attributes:
        name: "float", "reference", "host" (the C core in this process) or a board.
        model: the model's folder.
        options: of the compiler.
        port: of a board that runs already.
    """

    name: str
    model: Path
    options: Options = field(default_factory=Options)
    port: str | None = None

    def check(self) -> None:
        """Raise a MynaError unless there is such an engine."""
        if self.name not in (FLOAT, REFERENCE, HOST, *target.BOARDS):
            boards = [board for board in target.BOARDS if board != HOST]
            raise MynaError(
                f"unknown engine {self.name!r}",
                fix=f"choose one of {', '.join((FLOAT, REFERENCE, HOST, *boards))}",
            )

    @property
    def on_board(self) -> bool:
        """Whether it runs on a board."""
        return self.port is not None or self.name not in (FLOAT, REFERENCE, HOST)

    @contextmanager
    def open(self) -> Iterator[Engine]:
        """The engine, for the duration of the block.

        Raises:
            MynaError: no such engine, model, board or port; TensorFlow is missing (float).
        """
        self.check()
        project = open_project(self.model, self.options)
        if self.on_board:
            with project.connect(self.name, self.port) as session:
                yield BoardEngine(session, project.program)
        elif self.name == FLOAT:
            yield open_float(self.model, project.program)
        elif self.name == REFERENCE:
            yield CoreEngine(Reference(project.program))
        else:
            yield CoreEngine(project.library())

    def prepare(self) -> None:
        """Compile what several processes would otherwise compile at once."""
        self.check()
        project = open_project(self.model, self.options)
        if self.name in target.BOARDS and self.on_board and self.port is None:
            project.firmware(self.name)
        elif self.name == HOST:
            project.library()


def open_float(model: Path, program: Program) -> Engine:
    """The float oracle of a model's folder.

    Raises:
        MynaError: TensorFlow is not installed, or the float weights are missing.
    """
    try:
        from myna.learn.oracle import FloatEngine  # noqa: PLC0415  imports TensorFlow
    except ImportError as error:
        raise MynaError(
            f"the float engine needs TensorFlow ({error})",
            where="engine float",
            fix="pip install 'myna[train]', or use --engine host",
        ) from error
    return FloatEngine(model, program)
