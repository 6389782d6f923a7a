# SPDX-License-Identifier: Apache-2.0
"""What a user is told: the one exception for anything he can cause or mend, and notes."""

from __future__ import annotations

import sys
import warnings
from typing import TextIO


class MynaError(Exception):
    """Something failed that the user can act on.

    Args:
        what: what failed, one sentence.
        where: the file, tensor, node or port it concerns.
        fix: what to do about it.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.fix = what, where, fix

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n  -> {self.fix}" if self.fix else text


class Note(UserWarning):
    """Something that a user may like to know; `myna` says it in a line and goes on."""


_show_other_warning = warnings.showwarning


def show_notes() -> None:
    """Show notes as lines for a user in this process from now on."""
    warnings.showwarning = _show_warning


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A note is for a user, and says nothing of the line of code that it came from."""
    if issubclass(category, Note):
        print(f"note: {message}", file=sys.stderr)
    else:
        _show_other_warning(message, category, filename, lineno, file, line)


def install(extra: str) -> str:
    """How one of Myna's extras (pyproject.toml) is installed; a `fix`."""
    return f"install the extra, in Myna's folder: .venv/bin/pip install -e '.[{extra}]'"
