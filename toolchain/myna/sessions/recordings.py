# SPDX-License-Identifier: Apache-2.0
"""What a board is given to learn from: recordings in files and folders, or examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from myna.audio.decode import FORMATS, SUFFIXES
from myna.audio.features import Pcm
from myna.audio.files import read_recording
from myna.errors import MynaError
from myna.ir import Array
from myna.package.example_file import open_examples

OTHER_SOUNDS = {".m4a", ".aac", ".wma", ".amr"}


@dataclass(frozen=True)
class Take:
    """A recording to learn from, int16 [samples], and where it came from."""

    path: Path
    pcm: Pcm


@dataclass(frozen=True)
class Example:
    """Features to learn from, int8 of the network's input shape, and the file they came from."""

    path: Path
    features: Array


def find_takes(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The recordings among files and folders; the files of a folder in order of name.

    Raises:
        MynaError: a folder holds no recording, or nothing was given.
    """
    found: list[Path] = []
    for path in paths:
        files = [path]
        if path.is_dir():
            files = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
            if others := [p for p in path.iterdir() if p.suffix.lower() in OTHER_SOUNDS]:
                raise MynaError(
                    f"is of another format than {FORMATS}, like {len(others)} of this folder",
                    where=str(min(others)),
                    fix=f"convert them: ffmpeg -i {min(others).name} take.wav",
                )
            if not files:
                raise MynaError(
                    "the folder holds no recordings",
                    where=str(path),
                    fix=f"name a folder with {FORMATS} files",
                )
        found += files
    if not found:
        raise MynaError("no recording is named", fix="give recordings: --wav FILE …")
    return tuple(found)


def read_takes(paths: Sequence[Path]) -> tuple[Take, ...]:
    """Recordings as they are; whether they are fit to learn from is for the board to say.

    Raises:
        MynaError: the first one that no board could use: unreadable, empty of sound, longer
            than four seconds.
    """
    return tuple(Take(path, read_recording(path)) for path in paths)


def read_features(path: Path, folder: Path) -> tuple[Example, ...]:
    """The examples of one class in a FILE.npz, for a model that may hear nothing.

    Args:
        path: of the file: its ``features``, as `package.example_file` reads them.
        folder: the model's.

    Raises:
        MynaError: the file is damaged, does not fit the model, or holds several classes.
    """
    found, quant = open_examples(path, folder)
    if len(np.unique(found.labels)) > 1:
        raise MynaError(
            "holds examples of several classes, and one is taught at a time",
            where=str(path),
            fix="save those of one class: numpy.savez(FILE, features=…)",
        )
    return tuple(Example(path, features) for features in found.inputs(quant))
