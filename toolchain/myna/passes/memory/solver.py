# SPDX-License-Identifier: Apache-2.0
"""Ask `solve`, which runs in a process of its own from the first question on.

Starting it takes a second: ask only where a heuristic has missed its bound.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from typing import cast

from myna.errors import MynaError


def ask(task: str, **arguments: object) -> list[int]:
    """What a function of `solve` returns.

    Args:
        task: its name.
        arguments: its arguments, lists and integers.

    Raises:
        MynaError: the solver cannot be run.
    """
    process = _process(os.getpid())  # a forked process starts its own
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps((task, arguments)) + "\n")
        process.stdin.flush()
        return cast(list[int], json.loads(process.stdout.readline()))
    except (OSError, ValueError) as error:
        _process.cache_clear()
        raise MynaError(
            f"the solver ended with exit code {process.wait()}",
            where="planning memory",
            fix="install Myna's dependencies again: pip install ortools",
        ) from error


@cache
def _process(pid: int) -> subprocess.Popen[str]:
    """The solver of a process; it ends when its input does."""
    command = (sys.executable, "-m", "myna.passes.memory.solver_process")
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
