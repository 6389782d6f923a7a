# SPDX-License-Identifier: Apache-2.0
"""Every byte between a host and a board, and whether a codeword is among them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from myna.device import frame
from myna.device.link import Link
from myna.device.ports import open_port
from myna.device.session import Board
from myna.ir import Array

HEADER = struct.Struct("<4s6I")  # of a stored state, see PROTOCOL.md
SECRET = struct.Struct("<IIi")  # behind it: number + 1, takes of the warm-up, threshold


class Line:
    """A port that keeps what goes over it, both ways, as it is and decoded.

    Attributes:
        seen: the bytes, and behind them the payloads of all frames, joined: a piece of a tensor
            follows the one before.
    """

    def __init__(self, port: str) -> None:
        self._port = open_port(port)
        self._bytes = {"out": b"", "in": b""}

    @property
    def in_waiting(self) -> int:
        return self._port.in_waiting

    def close(self) -> None:
        self._port.close()

    def write(self, data: bytes) -> int | None:
        self._bytes["out"] += bytes(data)
        return self._port.write(data)

    def read(self, size: int = 1) -> bytes:
        data = self._port.read(size)
        self._bytes["in"] += data
        return data

    @property
    def seen(self) -> bytes:
        return b"".join(self._bytes.values()) + self._payloads("out") + self.received

    @property
    def received(self) -> bytes:
        """The payloads of what the board sent."""
        return self._payloads("in")

    def _payloads(self, way: str) -> bytes:
        return b"".join(one.payload for one in frame.Decoder().feed(self._bytes[way]))


@contextmanager
def recorded(port: str) -> Iterator[tuple[Board, Line]]:
    """A session of which every byte is kept."""
    line = Line(port)
    with Board(Link(line, port)) as session:
        yield session, line


def shows(seen: bytes, codeword: Array) -> bool:
    """Whether bytes hold a codeword or its complement: as ±1, ±127, 0 and 1, or packed bits."""
    for word in (codeword, -codeword):
        bits = (word > 0).astype(np.uint8)
        packed = [np.packbits(bits, bitorder=order).tobytes() for order in ("big", "little")]
        whole = [word.tobytes(), (127 * word).astype(np.int8).tobytes(), bits.tobytes()]
        if any(form in seen for form in (*whole, *(form[:-1] for form in packed))):
            return True
    return False


def stored_secret(session: Board, nv: Path, state_bytes: int) -> tuple[int, int, int]:
    """Number, takes of the warm-up and threshold of a board that has a codeword.

    Args:
        session: with the board, which saves what it has now.
        nv: its memory.
        state_bytes: of its model.
    """
    stored, memory = session.save_state(), nv.read_bytes()
    starts = (at for at in range(0, len(memory), 1 << 12) if memory[at:].startswith(b"MYN2"))
    (at,) = (at for at in starts if HEADER.unpack_from(memory, at)[1] == stored.sequence)
    drawn, warm_up, least = SECRET.unpack_from(memory, at + 32 + state_bytes)
    return drawn - 1, warm_up, least
