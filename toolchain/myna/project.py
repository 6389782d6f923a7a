# SPDX-License-Identifier: Apache-2.0
"""From a model's folder to a program, its C, and the devices that run it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from myna.codegen import fingerprint, generate
from myna.codegen.emit import Labels
from myna.device import pio, target
from myna.device.session import Board
from myna.engines.library import HostLibrary, compile_library
from myna.package.budget import Needs, compile_package
from myna.package.package import Package, load_package
from myna.passes.memory.plan import Program
from myna.passes.pipeline import Options

BUILD = target.PROJECT / "build"
HOST = "host"  # the kind of board whose memory is the operating system's


@dataclass(frozen=True)
class Project:
    """A compiled model.

    Attributes:
        folder: the model's folder.
        package: the quantized model.
        options: how it was compiled.
        program: what reference and chip run.
        generated: folder with its C files.
    """

    folder: Path
    package: Package
    options: Options
    program: Program
    generated: Path

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
            needs = Needs.of(self.program, has_front_end=self.package.has_front_end)
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
    """Compile a model's folder and write its C.

    Args:
        model: folder with ``architecture.json`` and ``int8.npz``.
        options: choices about training; by default everything is trained.
        folder: where the C goes; by default a folder under ``build`` for each set of options.

    Raises:
        MynaError: the model is missing or damaged, or an option does not fit it.
    """
    asked = options or Options()
    package, options, program = compile_package(load_package(model), asked)
    name = package.model.model.name
    key = hashlib.sha256(repr((str(model.resolve()), asked)).encode()).hexdigest()[:8]
    generated = folder or BUILD / f"{name}-{key}" / name
    limit = f" --ram {asked.ram}" if asked.ram else ""
    command = f"myna build models/{name} --train {asked.train}{limit} -o FOLDER"
    labels = Labels(package.labels, package.audio, options.clips, options.backup)
    generate(program, labels, generated, command)
    return Project(model, package, options, program, generated)
