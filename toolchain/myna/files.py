# SPDX-License-Identifier: Apache-2.0
"""Files that are either written whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
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


@contextmanager
def whole_folder(folder: Path, obsolete: Collection[str] = ()) -> Iterator[Path]:
    """A folder to write files into, which move to `folder` together when the block ends well.

    If it does not, `folder` is as it was; killed, it leaves a folder beside it whose name begins
    with a dot.

    Args:
        folder: where they belong.
        obsolete: files of it that go unless new ones come.

    Raises:
        MynaError: the folder cannot be written.
    """
    draft = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        yield draft
        folder.mkdir(exist_ok=True)
        files = sorted(draft.iterdir())
        for file in files:
            file.replace(folder / file.name)
        for name in {*obsolete} - {file.name for file in files}:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise MynaError(
            f"cannot be written ({error.strerror})", where=str(folder), fix="name another folder"
        ) from error
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
