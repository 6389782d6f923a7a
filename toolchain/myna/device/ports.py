# SPDX-License-Identifier: Apache-2.0
"""Ports of boards that run: virtual ones that were booted to stay, and what is plugged in."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from pathlib import Path

from serial.tools import list_ports

from myna.device.target import PROJECT, START_TIMEOUT_S, command, find_board, launch
from myna.errors import MynaError

PORTS = PROJECT / ".pio" / "ports"
ENDED = "ZX"  # states of a process in proc(5)


def boot(board: str, elf: Path, ports: Path = PORTS) -> Path:
    """Boots a virtual board that stays, in place of the one booted before.

    Its non-volatile memory is the file `ports`/`board`.nv, which the next one finds again.

    Returns:
        The stable name of its port, `ports`/`board`.
    """
    entry = find_board(board)
    ports.mkdir(parents=True, exist_ok=True)
    halt(board, ports)
    arguments = command(entry, elf, ports / f"{board}.nv")
    process, port = launch(entry, arguments, ports / f"{board}.log")
    text = f"{process.pid} {_start_time(process.pid)}\n"
    (ports / f"{board}.pid").write_text(text, encoding="utf-8")
    link = ports / board
    link.symlink_to(port)
    return link


def halt(board: str, ports: Path = PORTS) -> None:
    """Kills the board that `boot` started, if it still runs."""
    pid_file = ports / f"{board}.pid"
    if (pid := _running(pid_file)) is not None:
        with suppress(ProcessLookupError):
            _kill(pid)
    pid_file.unlink(missing_ok=True)
    (ports / board).unlink(missing_ok=True)


def _running(pid_file: Path) -> int | None:
    """The process that `boot` noted, if it still runs."""
    try:
        pid, started = pid_file.read_text(encoding="utf-8").split()
        return int(pid) if _start_time(int(pid)) == started else None
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None


def _kill(pid: int) -> None:
    """Kills a process and waits for its end: until then it may write to its memory's file."""
    process = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(process, signal.SIGKILL)
        select.select([process], [], [], START_TIMEOUT_S)
    finally:
        os.close(process)


def _start_time(pid: int) -> str:
    """When a process started, in clock ticks since boot: tells a number used again (proc(5)).

    Raises:
        ProcessLookupError: it has ended, and only waits for its parent to hear of it.
    """
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    if fields[0] in ENDED:
        raise ProcessLookupError(pid)
    return fields[19]


def booted(ports: Path = PORTS) -> tuple[Path, ...]:
    """The ports of the virtual boards that `boot` started and that still run."""
    links = (link for link in sorted(ports.glob("*")) if link.is_symlink())
    return tuple(link for link in links if _is_alive(link))


def plugged_in() -> dict[str, str]:
    """The serial ports of this machine, and what the system says about each."""
    return {entry.device: entry.description for entry in list_ports.comports()}


def attach(port: str) -> str:
    """The port of a board that already runs, checked; pyserial URLs pass through.

    Raises:
        MynaError: there is no such device, or the virtual board behind it has stopped; the message
            lists the serial ports there are.
    """
    path = Path(port)
    if path.is_symlink() and not _is_alive(path):  # its terminal may be another board's by now
        halt(path.name, path.parent)
        raise MynaError(
            "the virtual board that was booted here has stopped",
            where=port,
            fix=f"boot it again: myna flash MODEL --board {path.name}",
        )
    if "://" in port or path.exists():
        return port
    found = [*plugged_in(), *map(str, booted())]
    raise MynaError(
        "no such serial port",
        where=port,
        fix=f"ports on this machine: {', '.join(found) or 'none; is the board plugged in?'}",
    )


def _is_alive(link: Path) -> bool:
    """Whether the board that `boot` made this link for still runs; other links are not ours."""
    pid_file = link.with_name(f"{link.name}.pid")
    return not pid_file.exists() or _running(pid_file) is not None
