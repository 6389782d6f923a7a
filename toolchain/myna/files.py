# SPDX-License-Identifier: Apache-2.0
"""Files that are either written whole or not at all."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from myna.errors import MynaError


def write_file(path: Path, data: bytes, fix: str = "name another file") -> None:
    """Write a file, and its folder; what was there stays until all of it is written.

    Args:
        path: of the file.
        data: all of it.
        fix: what to do where that is impossible.

    Raises:
        MynaError: the file cannot be written, or the disk is full.
    """
    draft = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(data)
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise MynaError(
            f"cannot be written ({error.strerror})", where=str(path), fix=fix
        ) from error
