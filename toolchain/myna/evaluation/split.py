# SPDX-License-Identifier: Apache-2.0
"""Evaluation protocols: what each user enrolls, and what he is examined on.

*speaker*: a user enrolls his lowest takes of every word that the model knows.
*new-words*: a user enrolls his lowest takes of words that the model is to learn.
In both, all his other takes of these words are the examination; no take is in both.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from myna.audio.dataset import Clip, split_of
from myna.errors import MynaError
from myna.learn.examples import Examples

NEW_WORDS = 5  # learned by default
SPEAKERS = 10  # examined by default
KNOWN_CLIPS = 300  # of the base data
FOREIGN = -1  # class of a word that is not enrolled


@dataclass(frozen=True)
class Task:
    """One user: what is enrolled and what is examined.

    Attributes:
        speaker: who.
        enrolled, examined: examples, in order of word and take.
    """

    speaker: str
    enrolled: Examples
    examined: Examples

    def to_json(self) -> dict[str, Any]:
        """Who, and how many clips."""
        return {
            "speaker": self.speaker,
            "enrolled": len(self.enrolled),
            "tested": len(self.examined),
        }


def assign_classes(labels: Sequence[str], words: Iterable[str], rows: int) -> dict[str, int]:
    """The class of every word: its own if it is a label, else the next one that is free.

    Args:
        labels: of the classes in use.
        words: in the order in which free classes are given out.
        rows: of the output layer.

    Raises:
        MynaError: there are fewer free classes than new words.
    """
    classes = {label: i for i, label in enumerate(labels)}
    for word in words:
        classes.setdefault(word, len(classes))
    if len(classes) > rows:
        raise MynaError(
            f"{len(classes) - len(labels)} new words do not fit: the model has "
            f"{rows - len(labels)} free classes",
            fix="enroll fewer words, or quantize the model with more --classes",
        )
    return classes


def known_words(clips: Iterable[Clip], labels: Sequence[str]) -> tuple[str, ...]:
    """The words of a data folder that the model knows, in the order of its labels.

    Raises:
        MynaError: there is none.
    """
    present = {clip.word for clip in clips}
    words = tuple(label for label in labels if label in present)
    if not words:
        raise MynaError(
            "no recording of a word that the model knows",
            where="data folder",
            fix=f"name folders after labels: {', '.join(labels)}",
        )
    return words


def choose_new_words(clips: Iterable[Clip], known: Collection[str], count: int) -> tuple[str, ...]:
    """The alphabetically first words of a data folder that are not known.

    Raises:
        MynaError: the folder holds no other word.
    """
    words = sorted({clip.word for clip in clips} - set(known))[:count]
    if not words:
        raise MynaError(
            "the model knows every word of the folder already",
            where="data folder",
            fix="name words with --new-words, or use --protocol speaker",
        )
    return tuple(words)


def choose_speakers(
    clips: Iterable[Clip],
    words: Collection[str],
    shots: int,
    most: int | None = SPEAKERS,
    *,
    held_out: bool = True,
) -> tuple[str, ...]:
    """The speakers with most takes to be examined on, at most `most`.

    Only those held out of training if the words were trained on: the test part of
    `audio.dataset.split_of`. Of words that are new to the model, nobody was heard.

    Raises:
        MynaError: nobody has a take beyond those to enroll.
    """
    takes = Counter((clip.speaker, clip.word) for clip in clips if clip.word in words)
    beyond: Counter[str] = Counter()
    for (speaker, _), count in takes.items():
        beyond[speaker] += max(count - shots, 0)
    able = [speaker for speaker in beyond if beyond[speaker]]
    if held_out:
        able = [speaker for speaker in able if split_of(speaker) == "test"]
    if not able:
        raise MynaError(
            f"no {'held-out ' if held_out else ''}speaker has more than {shots} takes of a word",
            where="data folder",
            fix="lower --shots, or name speakers with --speakers (all = everybody)",
        )
    return tuple(sorted(able, key=lambda speaker: (-beyond[speaker], speaker))[:most])


def split_takes(clips: Sequence[Clip], shots: int) -> tuple[list[int], list[int]]:
    """Positions of the `shots` lowest takes of every word, and of all other clips.

    Args:
        clips: of one speaker.
        shots: takes to enroll; a word with no more takes than these is enrolled in full.
    """
    by_word: defaultdict[str, list[int]] = defaultdict(list)
    for index, clip in sorted(enumerate(clips), key=lambda entry: entry[1]):
        by_word[clip.word].append(index)
    enrolled = [index for takes in by_word.values() for index in takes[:shots]]
    examined = [index for takes in by_word.values() for index in takes[shots:]]
    return enrolled, examined


def make_tasks(
    clips: Sequence[Clip],
    examples: Examples,
    shots: int,
) -> tuple[Task, ...]:
    """One task for every speaker who has something to be examined on, in order of speakers.

    Args:
        clips: recordings of the words of the protocol, and
        examples: their features, in the same order.
        shots: takes to enroll.

    Raises:
        MynaError: no speaker has a take beyond those to enroll.
    """
    by_speaker: defaultdict[str, list[int]] = defaultdict(list)
    for index, clip in enumerate(clips):
        by_speaker[clip.speaker].append(index)
    tasks = []
    for speaker, positions in sorted(by_speaker.items()):
        own = examples.take(positions)
        enrolled, examined = split_takes([clips[i] for i in positions], shots)
        if examined:
            tasks.append(Task(speaker, own.take(enrolled), own.take(examined)))
    if not tasks:
        raise MynaError(
            f"no speaker has more than {shots} takes of a word",
            where="data folder",
            fix="lower --shots, or choose other speakers",
        )
    return tuple(tasks)


def choose_known(
    clips: Iterable[Clip],
    classes: Mapping[str, int],
    count: int = KNOWN_CLIPS,
    *,
    held_out: bool = True,
) -> tuple[Clip, ...]:
    """A bounded sample of what the model knows; if `held_out`, by speakers not used for training.

    The same number of clips for every word, always the same ones: those whose names have the
    smallest SHA-1.

    Raises:
        MynaError: no held-out speaker says a word that the model knows.
    """
    by_word: defaultdict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        if clip.word in classes and (not held_out or split_of(clip.speaker) == "test"):
            by_word[clip.word].append(clip)
    if not by_word:
        raise MynaError(
            f"no {'held-out ' if held_out else ''}speaker says a word that the model knows",
            where="base data",
            fix="name the folder of the model's own words with --base-data",
        )
    each = -(-count // len(by_word))
    chosen = [clip for word in by_word.values() for clip in sorted(word, key=_lottery)[:each]]
    return tuple(sorted(chosen))


def _lottery(clip: Clip) -> str:
    return hashlib.sha1(f"{clip.word}/{clip.path.name}".encode()).hexdigest()
