# SPDX-License-Identifier: Apache-2.0
"""FlatBuffers from bytes that nobody vouches for.

Every offset, vtable and length is checked against the file before it is followed. What is read is
counted: a file whose offsets lead to the same bytes again and again ends in an error, so that time
and memory stay proportional to its size. Alignment does not matter.

Source: the FlatBuffers binary format, https://flatbuffers.dev/internals/
"""

from __future__ import annotations

from struct import Struct, unpack_from

import numpy as np

from myna.errors import MynaError
from myna.ir import Array

SPENT = 8  # bytes that may be read for each byte of a file: a vtable serves many tables
TEXT = 256  # characters of a name
FIX = "make the file again"
U32, I32, U16_PAIR = Struct("<I"), Struct("<i"), Struct("<HH")
SCALARS = {"?": Struct("<?"), "b": Struct("<b"), "B": Struct("<B")}
SCALARS |= {"i": I32, "I": U32, "f": Struct("<f"), "Q": Struct("<Q")}


class Bytes:
    """The bytes of a file, and how many of them may still be read.

    Attributes:
        left: bytes; never negative.
    """

    __slots__ = ("data", "left", "size", "where")

    def __init__(self, data: bytes, where: str) -> None:
        self.data, self.size, self.where = data, len(data), where
        self.left = SPENT * self.size

    def fail(self, what: str) -> MynaError:
        """The error of a damaged file."""
        return MynaError(f"is damaged: {what}", where=self.where, fix=FIX)

    def spend(self, at: int, count: int) -> None:
        """Account for bytes before they are read.

        Raises:
            MynaError: they are not in the file, or too much was read.
        """
        if at < 0 or count > self.size - at:
            raise self.fail(f"{count} bytes at {at} are beyond its end")
        self.left -= count
        if self.left < 0:
            self.left = 0
            raise self.fail("its parts overlap")

    def target(self, at: int) -> int:
        """Where the offset at a position leads."""
        self.spend(at, 4)
        target: int = at + U32.unpack_from(self.data, at)[0]
        return target

    def root(self) -> Table:
        """The table that everything hangs on."""
        return Table(self, self.target(0))


class Table:
    """A table; fields are known by number, and an absent one has its default.

    Raises:
        MynaError: the table does not lie in the file.
    """

    __slots__ = ("_at", "_fields", "_file", "_size")

    def __init__(self, file: Bytes, at: int) -> None:
        file.spend(at, 4)
        vtable = at - I32.unpack_from(file.data, at)[0]
        file.spend(vtable, 4)
        length, self._size = U16_PAIR.unpack_from(file.data, vtable)
        if length < 4 or length % 2 or self._size < 4:
            raise file.fail(f"no table begins at {at}")
        file.spend(vtable, length)
        file.spend(at, self._size)
        self._file, self._at = file, at
        self._fields = unpack_from(f"<{length // 2 - 2}H", file.data, vtable + 4)

    def _position(self, number: int, width: int) -> int:
        """Where a field of a width is; 0 if it is absent."""
        offset = self._fields[number] if number < len(self._fields) else 0
        if not offset:
            return 0
        if not 4 <= offset <= self._size - width:
            raise self._file.fail(f"field {number} is outside the table at {self._at}")
        position: int = self._at + offset
        return position

    def scalar(self, number: int, kind: str, default: float = 0) -> float:
        """A number; `kind` is one of SCALARS."""
        packed = SCALARS[kind]
        at = self._position(number, packed.size)
        value: float = packed.unpack_from(self._file.data, at)[0] if at else default
        return value

    def number(self, number: int, kind: str) -> int:
        """An integer, by default 0."""
        return int(self.scalar(number, kind))

    def _target(self, number: int) -> int:
        at = self._position(number, 4)
        return self._file.target(at) if at else 0

    def table(self, number: int) -> Table | None:
        """A table; None if it is absent."""
        at = self._target(number)
        return Table(self._file, at) if at else None

    def _vector(self, number: int, width: int) -> tuple[int, int]:
        """Position and number of a vector's elements."""
        at = self._target(number)
        if not at:
            return 0, 0
        self._file.spend(at, 4)
        count: int = U32.unpack_from(self._file.data, at)[0]
        self._file.spend(at + 4, count * width)
        return at + 4, count

    def array(self, number: int, kind: str) -> Array:
        """A vector of numbers, by their NumPy type; empty if it is absent. It is not copied."""
        dtype = np.dtype(kind)
        at, count = self._vector(number, dtype.itemsize)
        return np.frombuffer(self._file.data, dtype, count, at)

    def integers(self, number: int, most: int = 8) -> tuple[int, ...]:
        """A vector of at most so many int32; empty if it is absent."""
        at, count = self._vector(number, 4)
        if count > most:
            raise self._file.fail(f"{count} numbers where at most {most} can be")
        return unpack_from(f"<{count}i", self._file.data, at)

    def text(self, number: int) -> str:
        """A string, or its beginning if it is long; empty if it is absent."""
        at, count = self._vector(number, 1)
        return self._file.data[at : at + min(count, TEXT)].decode("utf-8", "replace")

    def tables(self, number: int) -> list[Table]:
        """A vector of tables; empty if it is absent."""
        at, count = self._vector(number, 4)
        positions = range(at, at + 4 * count, 4)
        return [Table(self._file, self._file.target(position)) for position in positions]
