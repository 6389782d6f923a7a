# SPDX-License-Identifier: Apache-2.0
"""Boards that exist only in software: the host process and Cortex-M machines under QEMU.

The table of boards is read from firmware/platform/boards, where PlatformIO reads it too. Every
virtual board is reached through a pseudo-terminal, which pyserial opens like a real port.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from myna.errors import MynaError

PROJECT = Path(__file__).resolve().parents[3]

REAL: Literal["real"] = "real"  # the kind of a board whose file says nothing of a virtual one
START_TIMEOUT_S = 30.0

NV_MARK = b"MYNA-NVM"  # as in firmware/boards/virtual/ram.c

# Debian packages of the programs that are not Python's.
PACKAGES = {
    "qemu-system-arm": "qemu-system-arm",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "arm-none-eabi-addr2line": "binutils-arm-none-eabi",
    "arm-none-eabi-objdump": "binutils-arm-none-eabi",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
    "qemu-system-riscv32": "qemu-system-misc",
    "gcc": "gcc libc6-dev",
    "setpriv": "util-linux",
    "taskset": "util-linux",
}


@dataclass(frozen=True)
class Board:
    """One board: how it is built and, if virtual, started. Sizes in bytes.

    `cpu_flags` choose the core when compiling.
    `machine` is QEMU's name of the emulated board, empty on the host board. `file_backed_ram` is
    its memory that QEMU can keep in a file, where the firmware emulates flash. `compiler` and
    `emulator` are commands.
    """

    name: str
    title: str
    kind: Literal["host", "qemu", "real"]
    machine: str
    cpu: str
    cpu_flags: str
    ram_bytes: int
    flash_bytes: int
    file_backed_ram: int
    compiler: str
    emulator: str
    emulator_arguments: tuple[str, ...]


def _read_board(path: Path) -> Board:
    data = json.loads(path.read_text(encoding="utf-8"))
    virtual = data.get("virtual", {})
    return Board(
        name=path.stem,
        title=data["name"],
        kind=virtual.get("kind", REAL),
        machine=virtual.get("machine", ""),
        cpu=data["build"]["cpu"],
        cpu_flags=data["build"]["cpu_flags"],
        ram_bytes=data["upload"]["maximum_ram_size"],
        flash_bytes=data["upload"]["maximum_size"],
        file_backed_ram=virtual.get("file_backed_ram", 0),
        compiler=data["build"].get("compiler", "arm-none-eabi-gcc"),
        emulator=virtual.get("emulator", "qemu-system-arm"),
        emulator_arguments=tuple(virtual.get("arguments", "").split()),
    )


BOARDS = {
    path.stem: _read_board(path)
    for path in sorted((PROJECT / "firmware" / "platform" / "boards").glob("*.json"))
}


def find_board(name: str) -> Board:
    """The board of that name; MynaError names the ones there are."""
    if name not in BOARDS:
        raise MynaError(f"unknown board {name!r}", fix=f"choose one of {', '.join(BOARDS)}")
    return BOARDS[name]


def require(program: str) -> str:
    """The full path of a program; MynaError names the Debian package that has it."""
    path = shutil.which(program)
    if path is None:
        packages = PACKAGES.get(program, program)
        raise MynaError(
            f"{program} is not installed",
            fix=f"on Debian: apt-get install --no-install-recommends {packages}",
        )
    return path


def missing_programs(board: Board) -> list[str]:
    """Programs that building and starting the board needs and this machine lacks."""
    emulator = [board.emulator] if board.kind == "qemu" else []
    needed = [board.compiler, *emulator, "setpriv", "taskset"]
    return [program for program in needed if shutil.which(program) is None]


# Spreads the boards that one process starts, and the processes of one test run, over the cores.
_turn = itertools.count(os.getpid())


def command(board: Board, elf: Path, nv: Path | None = None) -> list[str]:
    """The command line that runs a firmware image on a virtual board.

    Args:
        board: which.
        elf: the image.
        nv: file that is the board's non-volatile memory, made if absent; without one the board
            forgets. Boards that have no such memory ignore it; the firmware's STATUS tells.
    """
    if not elf.is_file():
        raise MynaError("no firmware image", where=str(elf), fix="build it: `myna build`")
    if board.kind == REAL:
        raise MynaError(
            "is a real board, which cannot be started here",
            where=board.name,
            fix="flash it and name its port: --port PORT",
        )
    if board.kind == "host":
        memory = ["env", f"MYNA_HOST_NVM={nv.resolve()}"] if nv else []
        return [*memory, str(elf.resolve())]
    # QEMU passes received bytes between two of its threads one at a time. Kept on one core it
    # takes in 45 kB/s instead of 11; the kind of character device and of TCG hardly matter.
    cores = sorted(os.sched_getaffinity(0))
    core = cores[next(_turn) % len(cores)]
    return [
        *(require("taskset"), "--cpu-list", str(core)),
        *(require(board.emulator), "-machine", board.machine, *board.emulator_arguments),
        *("-display", "none"),
        *(_backing(nv, board.file_backed_ram) if nv and board.file_backed_ram else ()),
        *("-monitor", "none", "-chardev", "pty,id=port", "-serial", "chardev:port"),
        *("-semihosting-config", "enable=on,target=native", "-kernel", str(elf)),
    ]


def _backing(nv: Path, size: int) -> tuple[str, ...]:
    """QEMU's options that keep a RAM in a file, whose mark tells the firmware that it lasts."""
    if not nv.exists():
        with nv.open("wb") as file:
            file.write(NV_MARK)
            file.truncate(size)
    path = str(nv.resolve()).replace(",", ",,")
    backend = f"memory-backend-file,id=nv,mem-path={path},size={size},share=on"
    return "-object", backend, "-machine", "memory-backend=nv"


def launch(
    board: Board, arguments: Sequence[str], log: Path
) -> tuple[subprocess.Popen[bytes], str]:
    """Starts a board in a session of its own; returns it and the pseudo-terminal's path."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        found = re.search(r"/dev/pts/\d+", log.read_text(errors="replace"))
        if found:
            return process, found.group()
        if process.poll() is not None:
            break
        time.sleep(0.005)
    process.kill()
    process.wait()
    raise MynaError(
        f"the virtual board did not start: {log.read_text(errors='replace').strip()}",
        where=board.name,
        fix=f"run it by hand: {' '.join(arguments)}",
    )


def _has_stopped(process: subprocess.Popen[bytes]) -> bool:
    """Whether the board died; its terminal closes a moment before the process ends."""
    try:
        process.wait(timeout=0.3)
    except subprocess.TimeoutExpired:
        return False
    return True


@contextmanager
def start(board: str, elf: Path, nv: Path | None = None) -> Iterator[str]:
    """A private virtual board for the duration of the block; yields its port for pyserial.

    The board dies with the block, and with the thread that started it even if that is killed.
    Bytes sent before the firmware is up are lost: repeat the first request. `nv` is the file of
    its non-volatile memory, as in `command`.

    Raises:
        MynaError: unknown board, missing emulator, or the firmware stopped by itself (a fault or a
            failed assertion, quoted in the message).
    """
    entry = find_board(board)
    arguments = [require("setpriv"), "--pdeathsig", "KILL", "--", *command(entry, elf, nv)]
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        log = Path(folder) / "board.log"
        process, port = launch(entry, arguments, log)
        try:
            yield port
        except Exception as error:
            if not _has_stopped(process):
                raise
            words = log.read_text(errors="replace").strip().splitlines()[1:]
            raise MynaError(
                f"the firmware stopped: {' '.join(words) or f'exit status {process.returncode}'}",
                where=board,
                fix="look the addresses up with arm-none-eabi-addr2line -fe " + str(elf),
            ) from error
        finally:
            process.kill()
            process.wait()
