# SPDX-License-Identifier: Apache-2.0
"""Flash that enforces its rules and loses power, and the firmware's storage on top of it.

The storage runs in this process, through ctypes, under the sanitizers; the memory that it gets is
the sanitizer's own, so that a byte read behind its end is an error.
"""

from __future__ import annotations

import ctypes
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from support.fake_board import FIRMWARE, compile_c

Bytes = npt.NDArray[np.uint8]

# magic, sequence, fingerprint, abi, length, of it words, CRC of data and header
HEADER = struct.Struct("<8I")
DATA_AT = 32
MOST_CLIPS = 512

# The sanitizer asks to be loaded before anything else, which only matters for finding leaks.
OPTIONS = """
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "verify_asan_link_order=0:detect_leaks=0"; }
"""

_ERASE = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_uint32)
_PROGRAM = ctypes.CFUNCTYPE(
    ctypes.c_bool, ctypes.c_uint32, ctypes.POINTER(ctypes.c_uint8), ctypes.c_uint32
)


class Outcome(IntEnum):
    """Twin of enum storage_status."""

    OK = 0
    NONE = 1
    EMPTY = 2
    OTHER_MODEL = 3
    TOO_SMALL = 4
    FAILED = 5


class _Nvm(ctypes.Structure):
    _fields_ = (
        ("memory", ctypes.c_void_p),
        ("bytes", ctypes.c_uint32),
        ("erase_bytes", ctypes.c_uint32),
        ("program_bytes", ctypes.c_uint32),
        ("erase", _ERASE),
        ("program", _PROGRAM),
    )


class _Owner(ctypes.Structure):
    _fields_ = (
        ("fingerprint", ctypes.c_uint32),
        ("abi", ctypes.c_uint32),
        ("state_bytes", ctypes.c_uint32),
        ("word_bytes", ctypes.c_uint32),
    )


class _Data(ctypes.Structure):
    _fields_ = (
        ("state", ctypes.c_void_p),
        ("words", ctypes.c_void_p),
        ("has_words", ctypes.c_bool),
        ("clips", ctypes.c_void_p),
        ("clip_bytes", ctypes.c_uint32),
    )


class _Entry(ctypes.Structure):
    _fields_ = (("sequence", ctypes.c_uint32), ("slot", ctypes.c_uint32))


def sign(header: bytes) -> bytes:
    """A header with its own CRC made right."""
    return header[:-4] + zlib.crc32(header[:-4]).to_bytes(4, "little")


def is_intact(slot: bytes) -> bool:
    """Whether a slot is what a completed save leaves."""
    header = slot[: HEADER.size]
    *_, length, _, crc, _ = HEADER.unpack(header)
    return sign(header) == header and zlib.crc32(slot[DATA_AT : DATA_AT + length]) == crc


def compile_storage(folder: Path) -> ctypes.CDLL:
    """firmware/storage as a shared library."""
    (folder / "options.c").write_text(OPTIONS, "utf-8")
    own = sorted(FIRMWARE.glob("storage/*.c"))
    sources = [*own, FIRMWARE / "runtime/crc32.c", folder / "options.c"]
    library = ctypes.CDLL(str(compile_c(folder / "storage.so", sources, "-shared", "-fPIC")))
    library.malloc.restype = ctypes.c_void_p
    library.malloc.argtypes = (ctypes.c_size_t,)
    return library


def _allocate(library: ctypes.CDLL, size: int) -> Bytes:
    address = library.malloc(size)
    return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))


class Flash:
    """Two slots of simulated flash.

    Args:
        size: bytes.
        erase: erase unit in bytes.
        program: program unit in bytes.

    Attributes:
        memory: the contents.
        operations: units erased and programmed so far.
        cut_at: the operation in which power fails; no later one has any effect.
        torn: whether that operation leaves garbage in its unit; otherwise it completes.
        works: false makes it ignore what it is told, and say that all went well.
        violations: rules of flash that the storage broke.
    """

    def __init__(self, library: ctypes.CDLL, size: int, erase: int, program: int) -> None:
        self.memory = _allocate(library, size)
        self.memory[:] = 0
        self.operations, self.cut_at, self.torn, self.works = 0, -1, True, True
        self.violations: list[str] = []
        self._random = np.random.default_rng(size + erase + program)
        self._erase_bytes, self._program_bytes = erase, program
        callbacks = _ERASE(self._erase), _PROGRAM(self._program)
        self.nvm = _Nvm(self.memory.ctypes.data, size, erase, program, *callbacks)

    @property
    def is_off(self) -> bool:
        return 0 <= self.cut_at < self.operations

    def cut_after(self, operations: int, torn: bool) -> None:
        """Lets power fail in the operation that comes after so many more."""
        self.cut_at, self.torn = self.operations + operations, torn

    def reboot(self) -> None:
        self.cut_at = -1

    def _erase(self, offset: int) -> bool:
        self._require(offset % self._erase_bytes == 0, "erase begins inside a unit")
        return self._apply(offset, np.full(self._erase_bytes, 0xFF, np.uint8))

    def _program(self, offset: int, data: object, count: int) -> bool:
        unit = self._program_bytes
        self._require(count > 0, "nothing to program")
        self._require(offset % unit == count % unit == 0, "a part of a program unit")
        source = np.ctypeslib.as_array(data, (count,))
        for at in range(0, count, unit):
            before = self.memory[offset + at : offset + at + unit]
            self._require(bool((before == 0xFF).all()), "programmed twice without an erasure")
            if not self._apply(offset + at, source[at : at + unit] & before):
                return False
        return True

    def _apply(self, offset: int, unit: Bytes) -> bool:
        """One operation on one unit, unless power has failed or fails now."""
        if not self.works:
            return True
        if self.is_off:
            return False
        if self.operations == self.cut_at and self.torn:
            unit = self._random.integers(0, 256, unit.size, np.uint8)
        self._require(offset + unit.size <= self.memory.size, "outside of the memory")
        self.memory[offset : offset + unit.size] = unit
        self.operations += 1
        return not self.is_off

    def _require(self, condition: bool, rule: str) -> None:
        """An exception would not leave the C that called; the tests look at the list."""
        if not condition and not self.is_off and self.works:
            self.violations.append(rule)


@dataclass(frozen=True)
class Owner:
    """Whose state it is, and how many bytes of words belong to it if there are any."""

    length: int
    fingerprint: int = 0x1234
    abi: int = 1
    words: int = 0


@dataclass(frozen=True)
class Loaded:
    """What `Storage.load` found, nothing unless the outcome is OK: `state` with clips behind it."""

    outcome: Outcome
    state: bytes
    sequence: int
    slot: int
    words: bytes = b""


class Storage:
    """firmware/storage/storage.h for one owner on one flash; None is a board without any."""

    def __init__(self, library: ctypes.CDLL, flash: Flash | None, owner: Owner) -> None:
        self._library, self.owner = library, owner
        self._nvm = ctypes.byref(flash.nvm) if flash else None
        self._c_owner = ctypes.byref(
            _Owner(owner.fingerprint, owner.abi, owner.length, owner.words)
        )
        self._state = _allocate(library, owner.length)
        self._words = _allocate(library, owner.words)
        self._clips = _allocate(library, MOST_CLIPS)

    def load(self, room: int = MOST_CLIPS, *, before: bool = False) -> Loaded:
        """The newest, or what was saved before it, of whose clips so many bytes are wanted."""
        entry, data = _Entry(), self._data(room)
        self._state[:] = self._words[:] = self._clips[:] = 0x5A
        outcome = Outcome(self._call("load", int(before), ctypes.byref(data), ctypes.byref(entry)))
        found = self._clips[: data.clip_bytes].tobytes()
        assert (self._clips[data.clip_bytes :] == 0x5A).all()
        if outcome is not Outcome.OK:
            assert (self._state == 0x5A).all() and set(found) <= {0x5A}, "it copied what it refused"
            assert (self._words == 0x5A).all()
            return Loaded(outcome, b"", 0, 0)
        words = self._words.tobytes()
        assert data.has_words or not any(words)
        state = self._state.tobytes() + found
        return Loaded(outcome, state, entry.sequence, entry.slot, words if data.has_words else b"")

    def save(self, content: bytes, words: bytes = b"") -> tuple[Outcome, int, int]:
        """Outcome, sequence number and slot of saving a state with clips behind it, and words."""
        entry, length = _Entry(), self.owner.length
        self._state[:] = np.frombuffer(content[:length], np.uint8)
        self._clips[: len(content) - length] = np.frombuffer(content[length:], np.uint8)
        self._words[: len(words)] = np.frombuffer(words, np.uint8)
        data = self._data(len(content) - length, has_words=bool(words))
        outcome = Outcome(self._call("save", ctypes.byref(data), ctypes.byref(entry)))
        after = self._state.tobytes() + self._clips[: len(content) - length].tobytes()
        assert after == content, "saving changed what was saved"
        return outcome, entry.sequence, entry.slot

    def erase(self) -> Outcome:
        return Outcome(self._call("erase"))

    def _data(self, clips: int, *, has_words: bool = False) -> _Data:
        places = (part.ctypes.data for part in (self._state, self._words))
        return _Data(*places, has_words, self._clips.ctypes.data, clips)

    def _call(self, name: str, *arguments: object) -> int:
        function = getattr(self._library, f"myna_storage_{name}")
        return int(function(self._nvm, self._c_owner, *arguments))
