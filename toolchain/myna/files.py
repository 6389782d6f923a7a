# SPDX-License-Identifier: Apache-2.0
"""Files that are either written whole or not at all; archives of arrays, read back."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from myna.errors import MynaError

# what NumPy raises of a damaged archive
DAMAGED = (EOFError, ValueError, TypeError, MemoryError, BadZipFile, zlib.error)


def write_file(path: Path, data: bytes, fix: str = "name another file") -> None:
    """Write a file, and its folder; what was there stays until all of it is written.

    Links are followed, and what is no file (a pipe, a device) is written to as it is.

    Args:
        path: of the file.
        data: all of it.
        fix: what to do where that is impossible.

    Raises:
        MynaError: the file cannot be written, or the disk is full.
    """
    with _draft(path, fix) as (target, draft):
        if draft is None:
            target.write_bytes(data)
            return
        draft.write_bytes(data)
        draft.replace(target)


def expect_writable(path: Path) -> None:
    """Raise a MynaError unless a file can be written, before there is anything to lose."""
    with _draft(path, "name another file") as (_, draft):
        if draft is not None:
            draft.touch()
            draft.unlink()


@contextmanager
def _draft(path: Path, fix: str) -> Iterator[tuple[Path, Path | None]]:
    """Where links lead, in a folder that exists, and what to write first; None beside no file."""
    target = Path(os.path.realpath(path))
    draft = target.with_name(f"{target.name}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield target, None if target.exists() and not target.is_file() else draft
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise _unwritable(path, error, fix) from error


def write_json(path: Path, record: Mapping[str, Any], fix: str = "name another file") -> None:
    """Write a record as JSON; arguments and errors as of `write_file`."""
    write_file(path, (json.dumps(record, indent=1) + "\n").encode(), fix)


def _unwritable(path: Path, error: OSError, fix: str) -> MynaError:
    """What to say of a path that cannot be written."""
    below_a_file = isinstance(error, FileExistsError | NotADirectoryError)
    reason = "part of its path is a file" if below_a_file else error.strerror
    return MynaError(f"cannot be written ({reason})", where=str(path), fix=fix)


def write_generated(path: Path, data: bytes, mark: bytes) -> None:
    """Write a generated file, which holds `mark`; one that is so already keeps its time.

    Raises:
        MynaError: there is a file of another origin, or the file cannot be written.
    """
    before = path.read_bytes() if path.exists() else b""
    if before and mark not in before:
        raise MynaError("is no generated file", where=str(path), fix="name another folder")
    if before != data:
        write_file(path, data)


def write_arrays(path: Path, **arrays: npt.ArrayLike) -> None:
    """Write an .npz archive, compressed.

    Raises:
        MynaError: the file cannot be written.
    """
    archive = io.BytesIO()
    np.savez_compressed(archive, **arrays)  # type: ignore[arg-type]
    write_file(path, archive.getvalue())


def read_arrays(
    path: Path, missing: str = "there is no such file", fix: str = "check the path"
) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an .npz archive.

    Args:
        path: of the file.
        missing: what to say if there is none.
        fix: what to do then.

    Raises:
        MynaError: it is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise MynaError(missing, where=str(path), fix=fix) from error
    except DAMAGED as error:  # its words advise to trust the file, and are not passed on
        raise MynaError(
            "cannot be read: it is no intact archive of arrays of numbers or text (.npz)",
            where=str(path),
            fix="restore the file, or make it again",
        ) from error
    except OSError as error:
        raise MynaError(
            f"cannot be read ({error.strerror or error})", where=str(path), fix=fix
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
        raise _unwritable(folder, error, "name another folder") from error
    except MynaError as error:
        if draft is None or not error.where.startswith(str(draft)):
            raise
        raise MynaError(error.what, where=str(folder), fix="name another folder") from error
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
