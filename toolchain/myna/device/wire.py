# SPDX-License-Identifier: Apache-2.0
"""How messages become bytes: typed fields, packed little-endian without padding."""

from __future__ import annotations

import struct
from dataclasses import astuple, dataclass, fields
from typing import Annotated, Self, get_type_hints

from myna.errors import MynaError


@dataclass(frozen=True)
class Wire:
    """How one field travels: the letter of `struct`, the C type, its size and alignment."""

    letter: str
    c_type: str
    size: int
    align: int


TAIL = Wire("", "uint8_t", 0, 1)

U16 = Annotated[int, Wire("H", "uint16_t", 2, 2)]
I32 = Annotated[int, Wire("i", "int32_t", 4, 4)]
U32 = Annotated[int, Wire("I", "uint32_t", 4, 4)]
Text = Annotated[str, Wire("24s", "char", 24, 1)]  # UTF-8, cut to 24 bytes, padded with zeros
Tail = Annotated[bytes, TAIL]  # the rest of the payload; only as last field


@dataclass(frozen=True)
class Message:
    """Base of all messages."""

    def pack(self) -> bytes:
        """The payload of this message."""
        form, tail = layout(type(self))
        values = [v.encode() if isinstance(v, str) else v for v in astuple(self)]
        fixed = form.pack(*(values[:-1] if tail else values))
        return fixed + values[-1] if tail else fixed

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """The message in a payload.

        Raises:
            MynaError: the payload has not this message's length.
        """
        form, tail = layout(cls)
        if len(payload) < form.size or (len(payload) > form.size and not tail):
            raise MynaError(
                f"{len(payload)} bytes are no {cls.__name__}", fix="flash firmware of this version"
            )
        values = [
            v.rstrip(b"\0").decode(errors="replace") if isinstance(v, bytes) else v
            for v in form.unpack_from(payload)
        ]
        return cls(*values, *((payload[form.size :],) if tail else ()))


def wires(message: type[Message]) -> dict[str, Wire]:
    """The fields of a message type and how they travel."""
    hints = get_type_hints(message, include_extras=True)
    return {field.name: hints[field.name].__metadata__[0] for field in fields(message)}


def layout(message: type[Message]) -> tuple[struct.Struct, bool]:
    """The fixed part of a message type, and whether a tail of bytes follows."""
    parts = list(wires(message).values())
    return struct.Struct("<" + "".join(part.letter for part in parts)), TAIL in parts
