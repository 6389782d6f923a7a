# SPDX-License-Identifier: Apache-2.0
"""Results that commands wrote with ``--json``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from myna.errors import MynaError

Result = Mapping[str, Any]
T = TypeVar("T")


def read_result(path: Path, take: Callable[[Result], T], expected: str) -> T:
    """What is taken from the result in a file.

    Args:
        path: the file.
        take: picks what is needed.
        expected: what the result must be, behind "is no result".

    Raises:
        MynaError: the file is missing, or its result lacks what is needed.
    """
    try:
        return take(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MynaError(
            f"is no result {expected} ({type(error).__name__}: {error})",
            where=str(path),
            fix="make it again with --json",
        ) from error
