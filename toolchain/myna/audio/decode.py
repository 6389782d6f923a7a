# SPDX-License-Identifier: Apache-2.0
"""Sound files, decoded and converted piece by piece: however long, they need no memory."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import soundfile

from myna.audio.config import RATE
from myna.audio.convert import Converter
from myna.audio.features import Pcm
from myna.errors import MynaError, Note

SUFFIXES = (".aif", ".aiff", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".wav")
FORMATS = "WAV, FLAC, Opus, Ogg, MP3 or AIFF"
PIECE = 1 << 16  # samples of a channel that are read at once
OGG_PAGE = 27 + 255 + 255 * 255  # bytes of the largest: header, sizes of segments, segments
OGG_LAST = 4  # flag of a stream's last page
CLIPPED_SHARE = 0.5  # samples at full scale from which speech is beyond repair
_noted: set[Path] = set()  # folders of which was said that recordings are converted


class Recording:
    """A sound file, open to be read once.

    Args:
        path: of the file.

    Attributes:
        seconds: that it lasts, as its header says.

    Raises:
        MynaError: the file is missing, empty, not audio, truncated as far as its container tells,
            or of a rate that cannot be converted.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise _no_file(path)
        if path.stat().st_size == 0:
            raise MynaError("the file is empty", where=str(path), fix="record or copy it again")
        self._path = path
        with _explained(path):
            self._file = soundfile.SoundFile(path)
            self._converter = Converter(self._file.samplerate)
            _expect_whole(not _cut_short(path))
        self.seconds = self._file.frames / self._file.samplerate

    def pieces(self) -> Iterator[Pcm]:
        """Its sound, int16 [n] each, 16 kHz, to its end.

        Raises:
            MynaError: it cannot be decoded, is truncated, clipped throughout, or its sound cannot
                be used.
        """
        self._note_conversion()
        with self._file:
            read, count = 0, PIECE
            while count:
                with _explained(self._path):
                    # Asked for integers, libsndfile drops the fraction of floats, which is all,
                    # and lets what a decoder gives beyond full scale wrap around. float32 holds
                    # every int16.
                    sound = self._file.read(PIECE, dtype="float32", always_2d=True)
                    count = len(sound)
                    piece = self._converter.push(sound, last=not count)
                yield piece
                read += count
            with _explained(self._path):
                self._check_end(read)

    def _check_end(self, read: int) -> None:
        _expect_whole(read >= self._file.frames)
        self._converter.expect_sum()
        if self._converter.clipped > CLIPPED_SHARE:
            raise MynaError("is clipped throughout", fix="lower the gain and record again")

    def _note_conversion(self) -> None:
        rate, channels = self._file.samplerate, self._file.channels
        folder = self._path.parent
        if (rate, channels) == (RATE, 1) or folder in _noted:
            return
        _noted.add(folder)
        said = "mono" if channels == 1 else f"{channels} channels"
        warnings.warn(
            f"{folder}: recordings are converted to {RATE} Hz mono, like {self._path.name} "
            f"({rate} Hz, {said})",
            Note,
            stacklevel=2,
        )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say of which file it is that something is wrong."""
    try:
        yield
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise MynaError(
            f"cannot be read as audio ({error})",
            where=str(path),
            fix=f"use a complete {FORMATS} file",
        ) from error
    except MynaError as error:
        raise MynaError(error.what, where=str(path), fix=error.fix) from error


def _expect_whole(is_whole: bool) -> None:
    if not is_whole:
        raise MynaError("is truncated: samples are missing", fix="copy or record it again")


def _cut_short(path: Path) -> bool:
    """Whether the end of a WAV, AIFF or Ogg file is missing (libsndfile hides this)."""
    with path.open("rb") as file:
        head = file.read(28)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - OGG_PAGE))
        tail = file.read()
    if head[:4] == b"OggS":
        return not _ends_with_last_page(tail)
    if head[:4] in (b"RF64", b"BW64") and head[12:16] == b"ds64":  # of more than 4 GB, or maybe
        promised = int.from_bytes(head[20:28], "little") + 8
    elif head[:4] in (b"RIFF", b"FORM"):
        promised = int.from_bytes(head[4:8], "little" if head[:4] == b"RIFF" else "big") + 8
    else:
        return False
    streamed = promised >= 0xFFFFFFFF or promised == 8  # recorders that never rewound the header
    return not streamed and size < promised


def _ends_with_last_page(tail: bytes) -> bool:
    """Whether an Ogg file's end holds the whole last page of a stream (RFC 3533, section 6)."""
    page = tail[max(0, tail.rfind(b"OggS")) :]
    if len(page) < 27:
        return False
    sizes = page[27 : 27 + page[26]]
    return bool(page[5] & OGG_LAST) and len(page) >= 27 + page[26] + sum(sizes)


def _no_file(path: Path) -> MynaError:
    """What to say of a path that is no file."""
    if path.is_dir():
        return MynaError("is a folder", where=str(path), fix="name a recording in it")
    if path.exists():
        return MynaError("is no file but a pipe or a device", where=str(path), fix="name a file")
    return MynaError("no such file", where=str(path), fix="check the path")
