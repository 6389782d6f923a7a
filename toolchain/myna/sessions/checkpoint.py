# SPDX-License-Identifier: Apache-2.0
"""What a board has learned, in a file: its state with where it comes from.

A NumPy archive (npz): ``state`` uint8 [bytes], the state block as it is on the board, and
``provenance``, a JSON text with model, options (with which it was compiled), fingerprint, abi, crc
(CRC-32 of the state), step and version.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from myna import __version__
from myna.device.bodies import StatusReply
from myna.device.link import DeviceError
from myna.device.session import Board
from myna.device.status import Status
from myna.errors import MynaError
from myna.files import read_arrays, write_arrays
from myna.learn.examples import Progress

FORGETS = "the board has no storage: it forgets this when it loses power (see export)"


@dataclass(frozen=True)
class Checkpoint:
    """A trained state and its provenance."""

    model: str
    options: str
    fingerprint: int
    abi: int
    step: int
    state: bytes

    @property
    def crc(self) -> int:
        """CRC-32 of the state."""
        return zlib.crc32(self.state)


@dataclass(frozen=True)
class Identity:
    """What a checkpoint must be of, so that its state means the same."""

    model: str
    abi: int
    fingerprint: int
    state_bytes: int

    def expect(self, checkpoint: Checkpoint, path: Path) -> None:
        """Compare.

        Args:
            checkpoint: read from `path`.
            path: for messages.

        Raises:
            MynaError: it is of another model, training plan or version.
        """
        for what, found, needed in (
            ("model", checkpoint.model, self.model),
            ("model ABI", checkpoint.abi, self.abi),
            ("program", f"{checkpoint.fingerprint:08x}", f"{self.fingerprint:08x}"),
            ("state size", len(checkpoint.state), self.state_bytes),
        ):
            if found != needed:
                raise MynaError(
                    f"was saved from {what} {found}, not {needed}",
                    where=str(path),
                    fix="use a board with the firmware that it was saved from: `myna flash`",
                )


def read_board(session: Board, progress: Progress | None = None) -> Checkpoint:
    """Read the state of a board.

    Args:
        session: with the board.
        progress: called with bytes (done, total).

    Raises:
        MynaError: the board's state is incomplete, or the board failed.
    """
    status, info = session.status(), session.info
    require_whole(session, status)
    state = session.read_state(progress)
    options = session.options()
    return Checkpoint(info.model, options, info.fingerprint, info.model_abi, status.step, state)


def require_whole(session: Board, status: StatusReply) -> None:
    """Raise a MynaError if a board's state, of which this is the status, is incomplete."""
    if status.state_incomplete:
        raise MynaError(
            "the board's state is incomplete: an upload or a step was cut short",
            where=session.link.name,
            fix="restore a state first: `myna restore`, or let it forget: `myna reset`",
        )


def write_board(
    session: Board, checkpoint: Checkpoint, path: Path, progress: Progress | None = None
) -> None:
    """Give a board the state of a checkpoint.

    Args:
        session: with the board.
        checkpoint: read from `path`.
        path: for messages.
        progress: called with bytes (done, total).

    Raises:
        MynaError: it is of another model, training plan or version; nothing was sent then.
    """
    info = session.info
    board = Identity(info.model, info.model_abi, info.fingerprint, info.state_bytes)
    board.expect(checkpoint, path)
    session.write_state(checkpoint.state, progress)


def keep(session: Board) -> bool:
    """Save what the board has learned over a loss of power; whether it has storage for that."""
    if Status(session.status().storage) is Status.NO_STORAGE:
        return False
    session.save_state()
    return True


def take_back(session: Board) -> None:
    """Undo the last save: state and clips are those that were saved before it, and saved again.

    Done twice it changes nothing, as a board keeps the last two that it saved.

    Raises:
        MynaError: the board has no storage, or saved nothing before.
    """
    try:
        session.undo_state()
    except DeviceError as error:
        if error.status != Status.NOTHING_STORED:
            raise
        raise MynaError(
            "there is nothing to take back: the board has saved no more than once",
            where=session.link.name,
            fix="myna reset lets it forget all",
        ) from error
    session.save_state()


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint's file.

    Raises:
        MynaError: the file cannot be written.
    """
    provenance = {
        "model": checkpoint.model,
        "options": checkpoint.options,
        "fingerprint": checkpoint.fingerprint,
        "abi": checkpoint.abi,
        "crc": checkpoint.crc,
        "step": checkpoint.step,
        "version": __version__,
    }
    state = np.frombuffer(checkpoint.state, np.uint8)
    write_arrays(path, state=state, provenance=np.array(json.dumps(provenance)))


def _none(path: Path) -> MynaError:
    return MynaError("is no saved state", where=str(path), fix="save one with `myna export`")


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint's file.

    Raises:
        MynaError: the file is missing, is none, or is damaged.
    """
    arrays = read_arrays(path, "no such file")
    try:
        state, text = arrays["state"].tobytes(), arrays["provenance"].item()
        record = json.loads(text)
        model, options = (record[key] for key in ("model", "options"))
        numbers = fingerprint, abi, step, crc = [
            record[key] for key in ("fingerprint", "abi", "step", "crc")
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise _none(path) from error
    is_text = isinstance(model, str) and isinstance(options, str) and Path(model).name == model
    if not is_text or not all(type(number) is int for number in numbers):
        raise _none(path)
    checkpoint = Checkpoint(model, options, fingerprint, abi, step, state)
    intact = checkpoint.crc == crc
    if not intact:
        raise MynaError(
            "is damaged: its CRC is wrong", where=str(path), fix="save it again: `myna export`"
        )
    return checkpoint
