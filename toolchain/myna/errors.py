# SPDX-License-Identifier: Apache-2.0
"""The one exception that Myna raises for anything a user can cause or mend."""

from __future__ import annotations


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


def install(extra: str) -> str:
    """How one of Myna's extras (pyproject.toml) is installed; a `fix`."""
    return f"install the extra, in Myna's folder: .venv/bin/pip install -e '.[{extra}]'"
