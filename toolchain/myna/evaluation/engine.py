# SPDX-License-Identifier: Apache-2.0
"""What can learn: the reference, the C core in this process, a board, the float baseline.

Reference, C core and boards give the same predictions, losses and states, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from myna.audio.config import AudioConfig, silence_of, unknown_of
from myna.device import target
from myna.engines.library import HostLibrary
from myna.engines.reference import Reference
from myna.errors import MynaError
from myna.evaluation.base import CoreBase, EngineBase
from myna.evaluation.board_engine import BoardEngine
from myna.ir import Array
from myna.learn.accept import Judged
from myna.learn.examples import Examples
from myna.learn.learn import Core, Learned, Learner
from myna.learn.listen import Listener
from myna.learn.recipe import Recipe
from myna.names import RATE, THRESHOLD, TYPICAL
from myna.package.package import Package
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from myna.sessions.learning import rate_pair

Labels = npt.NDArray[np.int64]
Logits = npt.NDArray[np.int8]

FLOAT, REFERENCE, HOST, STREAM = "float", "reference", "host", "stream"
OWN = (FLOAT, REFERENCE, HOST, STREAM)  # in this process


class PredictingCore(Core, Protocol):
    """What `Reference`, `HostLibrary` and the float baseline have in common."""

    @property
    def similarity(self) -> Array: ...
    def reset(self) -> None: ...


class Engine(Protocol):
    """A keyword spotter that learns from clips."""

    def reset(self) -> None:
        """The state as built."""

    def set_state(self, name: str, value: Array) -> None:
        """Assign "learning_rate" (a pair), "seed", "step" or "classes" (int32[1])."""

    def read_state(self) -> bytes:
        """The state block."""

    def write_state(self, block: bytes) -> None:
        """Load a state block; one that does not fit is refused."""

    def infer(self, features: npt.NDArray[np.int8]) -> Logits:
        """The logits of feature maps, int8 [n, frames, bands] -> int8 [n, classes in use]."""

    def set_codeword(self, codeword: Array) -> None:
        """Who the user is: int8 [outputs] of -1 and 1."""

    def draw_codeword(self) -> None:
        """Who the user is, drawn by a board and told to nobody; one that it has it keeps."""

    def judge(self, features: npt.NDArray[np.int8]) -> Judged:
        """The classes of feature maps, int8 [n, frames, bands], and whether they are accepted."""

    def learn(self, examples: Examples, recipe: Recipe) -> Learned:
        """Learn examples by a recipe, as `learn.learn` specifies."""

    @property
    def base(self) -> EngineBase:
        """What it and its user both know, so that they need tell each other differences only."""


class CoreEngine:
    """An engine in this process.

    Attributes:
        core: what computes.
    """

    def __init__(self, core: PredictingCore, package: Package) -> None:
        self.core, self._package = core, package
        self.reset, self.set_state = core.reset, core.set_state

    @property
    def front_end(self) -> AudioConfig:
        """Of a model that hears."""
        return self._package.front_end

    def infer(self, features: npt.NDArray[np.int8]) -> Logits:
        """See `Engine`."""
        classes = self.core.classes
        rows = [self.core.infer(one)[:classes] for one in features]
        return np.array(rows).reshape(len(features), classes)

    def set_codeword(self, codeword: Array) -> None:
        """See `Engine`; not in floats."""
        self._integer("take a codeword").set_codeword(codeword)

    def draw_codeword(self) -> None:
        """No secret is kept in this process."""
        raise MynaError(
            "keeps no codeword that its caller does not know",
            where="engine in this process",
            fix="use a board, or let the caller draw one",
        )

    def outputs(self, features: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
        """All that the network makes of feature maps, int8 [n, frames, bands] -> [n, outputs]."""
        return np.array([self.core.infer(one) for one in features])

    def judge(self, features: npt.NDArray[np.int8]) -> Judged:
        """See `Engine`."""
        typical, threshold = self.core.get_state(TYPICAL), self.core.get_state(THRESHOLD)[0]
        rows = []
        for one in features:
            label = int(self.core.infer(one)[: self.core.classes].argmax())
            confidence = int(self.core.similarity[label]) - int(typical[label])
            rows.append((label, confidence, bool(confidence >= threshold)))
        return Judged.of(rows)

    def learn(self, examples: Examples, recipe: Recipe) -> Learned:
        """See `Engine`."""
        audio, labels = self._package.audio, self._package.labels
        self.set_state(RATE, rate_pair(recipe.rate))
        retreat = partial(self.base.retreat, recipe.proximal) if recipe.proximal else None
        return Learner(
            self.core,
            audio,
            silence_of(labels),
            examples,
            recipe,
            retreat=retreat,
            unknown=unknown_of(labels),
        ).learn()

    def listener(self, clips: Examples) -> Listener:
        """What hears clips that nobody labelled, beside these of the user; not in floats."""
        core, labels = self._integer("listen"), self._package.labels
        audio = self._package.front_end
        return Listener(core, audio, silence_of(labels), clips, unknown_of(labels))

    @cached_property
    def base(self) -> CoreBase:
        """See `Engine`; not in floats."""
        return CoreBase(self._integer("tell of differences"))

    def read_state(self) -> bytes:
        """See `Engine`; not in floats."""
        return self._integer("read its state").read_state()

    def write_state(self, block: bytes) -> None:
        """See `Engine`; not in floats."""
        self._integer("load a state").write_state(block)

    def _integer(self, what: str) -> Reference | HostLibrary:
        if not isinstance(self.core, Reference | HostLibrary):
            raise MynaError(f"cannot {what}", where="engine float", fix="use --engine host")
        return self.core


class StreamEngine(CoreEngine):
    """The C core, examined as it listens: see `HostStream.window`. It learns as ever.

    Attributes:
        stream: what listens.
    """

    def __init__(self, project: Project) -> None:
        assert project.streaming is not None
        library = project.library()
        super().__init__(library, project.package)
        self.stream = library.stream(project.streaming)

    def infer(self, features: npt.NDArray[np.int8]) -> Logits:
        """See `Engine`."""
        return np.array([self.stream.window(one) for one in features])[:, : self.core.classes]


def expect_core(engine: Engine, protocol: str, why: str) -> CoreEngine:
    """The engine, if it runs a core of this process.

    Args:
        engine: to be examined.
        protocol: its name.
        why: others will not do.

    Raises:
        MynaError: it is a board, or computes in floats.
    """
    if not isinstance(engine, CoreEngine):
        raise MynaError(
            f"{why}, which takes a board too long",
            where=f"protocol {protocol}",
            fix="use --engine host: it computes the same bytes",
        )
    return engine


def predict(engine: Engine, features: npt.NDArray[np.int8]) -> Labels:
    """The class with the largest logit of each feature map; the first of equals."""
    return np.asarray(engine.infer(features).argmax(1), np.int64)


@dataclass(frozen=True)
class EngineSpec:
    """How to make an engine; travels between processes.

    Attributes:
        name: "float", "reference", "host" (the C core in this process), "stream" (likewise, as it
            listens) or a board.
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
        if self.name not in (*OWN, *target.BOARDS):
            boards = [board for board in target.BOARDS if board != HOST]
            raise MynaError(
                f"unknown engine {self.name!r}",
                fix=f"choose one of {', '.join((*OWN, *boards))}",
            )

    @property
    def on_board(self) -> bool:
        """Whether it runs on a board."""
        return self.port is not None or self.name not in OWN

    @contextmanager
    def open(self) -> Iterator[Engine]:
        """The engine, for the duration of the block.

        Raises:
            MynaError: no such engine, model, board or port; TensorFlow is missing (float).
        """
        self.check()
        project = self._project()
        if self.on_board:
            with project.connect(self.name, self.port) as session:
                yield BoardEngine(session, project.program)
        elif self.name == FLOAT:
            yield CoreEngine(open_float(project), project.package)
        elif self.name == REFERENCE:
            yield CoreEngine(Reference(project.program), project.package)
        elif self.name == STREAM:
            yield StreamEngine(project)
        else:
            yield CoreEngine(project.library(), project.package)

    def _project(self) -> Project:
        streaming = self.options.streaming or self.name == STREAM
        return open_project(self.model, replace(self.options, streaming=streaming))

    def prepare(self) -> None:
        """Compile what several processes would otherwise compile at once."""
        self.check()
        project = self._project()
        if self.name in target.BOARDS and self.on_board and self.port is None:
            project.firmware(self.name)
        elif self.name in (HOST, STREAM):
            project.library()


def open_float(project: Project) -> PredictingCore:
    """The float baseline of a compiled model.

    Raises:
        MynaError: TensorFlow is not installed, or the float weights are missing.
    """
    from myna.evaluation.float_baseline import FloatCore  # noqa: PLC0415  imports TensorFlow

    return FloatCore(project)
