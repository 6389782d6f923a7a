# SPDX-License-Identifier: Apache-2.0
"""Frames of the device protocol: a pure codec over bytes, twin of firmware/protocol/frame.c.

A frame is ``COBS(type u8, status u8, sequence u16, payload, CRC-32) 0x00``, little-endian; the
CRC is zlib's, over everything before it. PROTOCOL.md has the layout to the bit.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from cobs import cobs

VERSION = 1
HEADER = struct.Struct("<BBH")
CRC = struct.Struct("<I")
MAX_PAYLOAD = 512
MAX_RAW = HEADER.size + MAX_PAYLOAD + CRC.size
LEAD = MAX_RAW // 254 + 1  # most code bytes that COBS adds
MAX_ENCODED = LEAD + MAX_RAW + 1
DELIMITER = b"\0"


@dataclass(frozen=True)
class Frame:
    """One frame: type and status uint8, sequence uint16, payload of at most 512 bytes."""

    type: int
    sequence: int
    payload: bytes = b""
    status: int = 0


def encode(frame: Frame) -> bytes:
    """The bytes of a frame on the line, delimiter included."""
    assert len(frame.payload) <= MAX_PAYLOAD
    raw = HEADER.pack(frame.type, frame.status, frame.sequence) + frame.payload
    return bytes(cobs.encode(raw + CRC.pack(zlib.crc32(raw)))) + DELIMITER


def decode(encoded: bytes) -> Frame | None:
    """The frame in the bytes between two delimiters, or None if they are damaged."""
    try:
        raw = bytes(cobs.decode(encoded))
    except cobs.DecodeError:
        return None
    if not HEADER.size + CRC.size <= len(raw) <= MAX_RAW:
        return None
    body, check = raw[: -CRC.size], raw[-CRC.size :]
    if CRC.pack(zlib.crc32(body)) != check:
        return None
    type_, status, sequence = HEADER.unpack_from(body)
    return Frame(type_, sequence, body[HEADER.size :], status)


class Decoder:
    """Cuts a stream of bytes into frames; after damage it goes on at the next delimiter.

    Attributes:
        damaged: frames that were dropped because their bytes were wrong.
    """

    def __init__(self) -> None:
        self.damaged = 0
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """Takes the next bytes of the stream; returns the frames that they complete."""
        *pieces, rest = (self._rest + data).split(DELIMITER)
        # More than a frame can have is damage; keeping one byte too many is enough to know that.
        self._rest = rest[:MAX_ENCODED]
        frames = [decode(piece) for piece in pieces if piece]
        good = [frame for frame in frames if frame is not None]
        self.damaged += len(frames) - len(good)
        return good
