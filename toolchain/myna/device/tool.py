# SPDX-License-Identifier: Apache-2.0
"""Running programs of the toolchain: a compiler, an emulator, a reader of images."""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from myna.device.target import require
from myna.errors import MynaError

TIMEOUT_S = 3600.0  # an enrollment in the emulator takes minutes


def call(
    program: str, *arguments: str, given: str = "", fine: Sequence[int] = (0,)
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end.

    Args:
        program: its name, as `target.require` looks it up.
        arguments: of the program.
        given: what it reads from standard input.
        fine: exit statuses that are no failure.

    Raises:
        MynaError: it is missing, fails, or does not end in an hour.
    """
    command = [require(program), *arguments]
    try:
        result = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise MynaError(f"did not end in {TIMEOUT_S:.0f} s", where=command[0]) from error
    if result.returncode not in fine:
        raise MynaError(f"failed: {result.stderr.strip()[:2000]}", where=command[0])
    return result


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds an exclusive lock between processes."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
