# SPDX-License-Identifier: Apache-2.0
"""From a model's folder to a program, its C, and the devices that run it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from myna.codegen import fingerprint, generate
from myna.codegen.emit import Labels
from myna.device import pio, target
from myna.device.session import Board
from myna.engines.library import HostLibrary, compile_library
from myna.errors import MynaError
from myna.learn.detect import Space
from myna.package.budget import compile_package
from myna.package.needs import Needs
from myna.package.negatives import StoredNegatives, load_negatives
from myna.package.package import Package, load_package
from myna.passes.memory.plan import Program
from myna.passes.pipeline import Options
from myna.passes.streaming.stream import StreamingProgram, stream
from myna.passes.training.imprint import center_of, embedding_of, has_head

BUILD = target.PROJECT / "build"
MODELS = target.PROJECT / "models"
HOST = "host"  # the kind of board whose memory is the operating system's


@dataclass(frozen=True)
class Project:
    """A compiled model.

    Attributes:
        folder: the model's folder.
        package: the quantized model.
        asked: the choices that it was compiled by.
        options: how it was compiled, these and what followed from them.
        program: what reference and chip run.
        place: folder for its C files.
    """

    folder: Path
    package: Package
    asked: Options
    options: Options
    program: Program
    place: Path

    @cached_property
    def generated(self) -> Path:
        """The folder with its C files, written when they are first asked for.

        Raises:
            MynaError: they cannot be written.
        """
        name, asked = self.package.model.model.name, self.asked
        command = f"myna build models/{name} {asked.command_line()} -o FOLDER"
        package, options = self.package, self.options
        foils = self.negatives.foils if options.streaming else np.zeros((0, 1), np.int8)
        labels = Labels(
            package.labels,
            package.audio,
            options.clips,
            options.backup,
            options.heard,
            asked.to_json(),
            foils,
        )
        generate(self.program, labels, self.place, command, self.streaming)
        return self.place

    @cached_property
    def negatives(self) -> StoredNegatives:
        """What the model makes of speech in which no word is.

        Raises:
            MynaError: the file is damaged, or of another network.
        """
        graph = self.program.graph
        inputs = embedding_of(graph).size if has_head(graph) else 1
        return load_negatives(self.folder, inputs, self.package.model.body_digest)

    @cached_property
    def streaming(self) -> StreamingProgram | None:
        """Inference on sound as it comes; None if it was not asked for.

        Raises:
            MynaError: the network has a layer that cannot work so.
        """
        return stream(self.program.graph) if self.options.streaming else None

    @property
    def space(self) -> Space:
        """What scores of words in a stream depend on."""
        return Space(center_of(self.program.graph), self.negatives.foils)

    @property
    def fingerprint(self) -> int:
        """What a board with this program reports."""
        return fingerprint(self.program)

    def library(self) -> HostLibrary:
        """A private in-process instance of the C core."""
        return HostLibrary(self.program, compile_library(self.generated))

    def firmware(self, board: str) -> pio.Firmware:
        """The firmware image for a board, built where anything changed.

        If a limit was asked for, the board is linked as if it had no more RAM.

        Raises:
            MynaError: it does not build, or does not fit.
        """
        ram = self.options.ram
        flags: tuple[str, ...] = ()
        if ram and target.find_board(board).kind != HOST:
            has_front_end = self.package.has_front_end
            needs = Needs.of(self.program, has_front_end=has_front_end, streaming=self.streaming)
            limits = {"ram_length": ram, "stack_size": needs.stack}
            flags = tuple(f"-Wl,--defsym={name}={value}" for name, value in limits.items())
        return pio.build(board, self.generated, extra_flags=flags)

    @contextmanager
    def connect(self, board: str = HOST, port: str | None = None) -> Iterator[Board]:
        """A session with this program on a board.

        Args:
            board: name of a virtual board to build and start; not used if ``port`` is given.
            port: serial port or pyserial URL of a board that already runs it.

        Raises:
            MynaError: no such port or board, or the board runs another model.
        """
        if port is not None:
            with Board.connect(port, fingerprint=self.fingerprint) as session:
                yield session
            return
        firmware = self.firmware(board)
        with (
            target.start(board, firmware.elf) as started,
            Board.connect(started, fingerprint=self.fingerprint) as session,
        ):
            yield session


def open_project(
    model: Path, options: Options | None = None, folder: Path | None = None
) -> Project:
    """Compile a model's folder.

    Args:
        model: folder with ``architecture.json`` and ``int8.npz``.
        options: choices about training; by default everything is trained.
        folder: where the C goes; by default a folder under ``build`` for each set of options.

    Raises:
        MynaError: the model is missing or damaged, or an option does not fit it.
    """
    asked = options or Options()
    package, resolved, program = compile_package(load_package(model), asked)
    name = package.model.model.name
    key = hashlib.sha256(repr((str(model.resolve()), asked)).encode()).hexdigest()[:8]
    place = folder or BUILD / f"{name}-{key}" / name
    return Project(model, package, asked, resolved, program, place)


@contextmanager
def running(port: str, model: Path | None = None) -> Iterator[tuple[Board, Project]]:
    """A session with a board that runs, and what it runs: the board says how that was compiled.

    Args:
        port: serial port or pyserial URL.
        model: the model's folder; by default the one in `MODELS` of the name that the board says.

    Raises:
        MynaError: the board does not answer, or the folder is missing or does not hold what the
            board runs.
    """
    with Board.connect(port) as session:
        project = project_of(
            model or MODELS / session.info.model, Options.from_json(session.options(), port)
        )
        session.expect(project.fingerprint)
        yield session, project


def project_of(folder: Path, options: Options) -> Project:
    """What a board or a file says it is of, compiled.

    Raises:
        MynaError: the folder is missing or damaged, or an option does not fit it.
    """
    if not folder.exists():
        raise MynaError(
            "the folder of this model is not here",
            where=str(folder),
            fix="name it: its FOLDER is the first argument",
        )
    return open_project(folder, options)
