# SPDX-License-Identifier: Apache-2.0
"""Data folders: DIR/<word>/<speaker>_<anything>_<take>.{wav,flac,opus}."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from myna.audio.config import RATE
from myna.audio.decode import SUFFIXES
from myna.audio.features import Pcm
from myna.audio.files import read_clip, read_pcm
from myna.errors import MynaError

Split = Literal["train", "validation", "test"]
HEARD = "heard.json"
SPLITS: dict[int, Split] = {0: "test", 1: "validation"}  # by SHA-1 of the speaker modulo ten


@dataclass(frozen=True, order=True)
class Clip:
    """One recording. `take` is the last number of the file name, 0 if there is none."""

    word: str
    speaker: str
    take: int
    path: Path


def scan(folder: Path) -> tuple[Clip, ...]:
    """All clips of a data folder, sorted by word, speaker and take.

    Raises:
        MynaError: the folder is missing or holds no <word>/<file>.{wav,flac,opus}.
    """
    if not folder.is_dir():
        what = "is no data folder" if folder.exists() else "no such data folder"
        raise MynaError(what, where=str(folder), fix="name a folder of recordings: DIR/<word>/…")
    if not (paths := word_files(folder)):
        raise MynaError(
            "the folder holds no recordings",
            where=str(folder),
            fix="put files in it as <word>/<speaker>_<take>.{wav,flac,opus}",
        )
    return tuple(sorted(map(describe, paths)))


def word_files(folder: Path) -> list[Path]:
    """The recordings <word>/<file>.{wav,flac,opus} of a folder."""
    return [
        path
        for path in folder.glob("*/*")
        if is_recording(path)
        and not path.parent.name.startswith("_")  # _background_noise_ of Speech Commands
    ]


def is_recording(path: Path) -> bool:
    """Whether a file's name is that of a recording, and not hidden."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def describe(path: Path) -> Clip:
    """The word, speaker and take that a path tells."""
    numbers = re.findall(r"\d+", path.stem)
    take = int(numbers[-1]) if numbers else 0
    return Clip(path.parent.name, path.stem.partition("_")[0], take, path)


def split_of(speaker: str) -> Split:
    """The part of the data a speaker belongs to, 80 / 10 / 10 %, for ever the same.

    SHA-1 of the speaker modulo ten. Speech Commands' own rule (Warden 2018) hashes alike but by
    thresholds; under it, nearly all recordings of "on" and "off" in the collection that the models
    are trained on belong to test speakers, which leaves 17 of each to learn from.
    """
    digest = int(hashlib.sha1(speaker.encode()).hexdigest(), 16)
    return SPLITS.get(digest % 10, "train")


def select(
    clips: Iterable[Clip],
    *,
    words: Collection[str] | None = None,
    speakers: Collection[str] | None = None,
    split: Split | None = None,
) -> tuple[Clip, ...]:
    """The clips that satisfy every given condition, in their order.

    Raises:
        MynaError: a word or speaker asked for does not occur in `clips`.
    """
    clips = tuple(clips)
    _require_known("word", words, {clip.word for clip in clips})
    _require_known("speaker", speakers, {clip.speaker for clip in clips})
    return tuple(
        clip
        for clip in clips
        if (words is None or clip.word in words)
        and (speakers is None or clip.speaker in speakers)
        and (split is None or split_of(clip.speaker) == split)
    )


@dataclass(frozen=True)
class Heard:
    """Speakers and words that a model was trained on beside those of its data's training split.

    Kept in a model's folder as heard.json; a folder without one heard none.
    """

    speakers: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @classmethod
    def of(cls, clips: Iterable[Clip]) -> Heard:
        """Who says what in these clips."""
        clips = tuple(clips)
        speakers, words = {c.speaker for c in clips}, {c.word for c in clips}
        return cls(tuple(sorted(speakers)), tuple(sorted(words)))

    def join(self, other: Heard) -> Heard:
        """What either heard."""
        speakers, words = {*self.speakers, *other.speakers}, {*self.words, *other.words}
        return Heard(tuple(sorted(speakers)), tuple(sorted(words)))

    def save(self, folder: Path) -> None:
        """Write heard.json."""
        (folder / HEARD).write_text(json.dumps(asdict(self)) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Heard:
        """Read heard.json.

        Raises:
            MynaError: the file is damaged.
        """
        path = folder / HEARD
        if not path.exists():
            return cls()
        try:
            record = json.loads(path.read_text("utf-8"))
            return cls(tuple(record["speakers"]), tuple(record["words"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MynaError(
                f"does not tell what the model heard ({error})",
                where=str(path),
                fix="restore the file, or train the model again",
            ) from error


def read_noises(folder: Path) -> dict[str, Pcm]:
    """Background recordings by name: int16 [samples] each, at least two seconds.

    They are looked for in `_background_noise_` within a data folder and in `background_noise`
    beside it; a folder without them gives none.
    """
    places = (folder / "_background_noise_", folder.resolve().parent / "background_noise")
    paths = sorted(path for place in places for path in filter(is_recording, place.glob("*")))
    noises = {path.stem: read_pcm(path) for path in paths}
    return {name: pcm for name, pcm in noises.items() if len(pcm) >= 2 * RATE}


def _require_known(kind: str, wanted: Collection[str] | None, present: set[str]) -> None:
    unknown = sorted(set(wanted or ()) - present)
    if unknown:
        shown = sorted(present)
        listed = ", ".join(shown[:40]) + (", …" if len(shown) > 40 else "")
        raise MynaError(
            f"no recording of {kind} {', '.join(unknown)}",
            where="data folder",
            fix=f"choose among: {listed}",
        )


def read_usable(clips: Iterable[Clip]) -> tuple[tuple[Clip, ...], Pcm, tuple[MynaError, ...]]:
    """Read many recordings and leave out the unusable ones (large collections have some).

    Returns:
        the usable clips, their samples int16 [clips, 16000], and why each other was left out.

    Raises:
        MynaError: none of the clips is usable (the first one's error).
    """
    kept, sounds, problems = read_each(clips, read_clip)
    return kept, np.array(sounds, np.int16).reshape(-1, RATE), problems


def read_each(
    clips: Iterable[Clip], read: Callable[[Path], Pcm]
) -> tuple[tuple[Clip, ...], list[Pcm], tuple[MynaError, ...]]:
    """Read many recordings, of any length, and leave out the unusable ones.

    Args:
        clips: to read.
        read: how, see `files`.

    Returns:
        the usable clips, the samples of each, and why each other was left out.

    Raises:
        MynaError: none of the clips is usable (the first one's error).
    """
    kept, sounds, problems = [], [], []
    for clip in clips:
        try:
            sounds.append(read(clip.path))
            kept.append(clip)
        except MynaError as error:
            problems.append(error)
    if problems and not kept:
        raise problems[0]
    return tuple(kept), sounds, tuple(problems)
