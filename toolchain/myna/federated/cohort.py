# SPDX-License-Identifier: Apache-2.0
"""Who takes part in a federation, and who is only examined: speakers of a data folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from myna.audio.dataset import Clip, Heard, scan, select
from myna.errors import MynaError
from myna.evaluation.protocol import Known, Read
from myna.evaluation.split import Task, assign_classes, choose_known, split_takes
from myna.federated.client import Client
from myna.federated.users import Users
from myna.learn.examples import Examples
from myna.package.package import Package

UNSEEN = 30  # speakers examined, at most


@dataclass(frozen=True)
class Cohort:
    """The speakers of a federation.

    Attributes:
        classes: of every word.
        clients: who learns.
        unseen: the takes that each of the others enrolls, and his other takes, perhaps none.
        known: a sample of what the model knew.
        users: what those are examined by who are told by codewords; None where words are learned.
    """

    classes: Mapping[str, int]
    clients: tuple[Client, ...]
    unseen: tuple[Task, ...]
    known: Known
    users: Users | None = None

    @classmethod
    def elsewhere(cls, classes: Mapping[str, int], clients: int) -> Self:
        """Clients of whom the server knows the numbers alone; nobody is examined."""
        nothing = Examples(np.zeros(0, np.int8), np.zeros(0, np.int64))
        numbered = (Client(number, str(number), nothing) for number in range(clients))
        return cls(classes, tuple(numbered), (), Known())


@dataclass(frozen=True)
class CohortRequest:
    """Which recordings a federation is made of.

    Attributes:
        package: the model.
        heard: whom it was trained on: they may learn, and are not examined.
        data: recordings of the speakers.
        base_data: recordings of what the model knew.
        words: which; None takes all, as far as the model has classes for them.
        clients: how many speakers learn.
        shots: takes of each word that an unseen speaker enrolls.
        reader: reads recordings and computes features.
    """

    package: Package
    heard: Heard
    data: Path
    base_data: Path | None
    words: tuple[str, ...] | None
    clients: int
    shots: int
    reader: Read

    def gather(self) -> Cohort:
        """Choose the speakers and read their recordings.

        Raises:
            MynaError: there are too few speakers, or a word has no class.
        """
        clips = select(scan(self.data), words=self.words)
        classes, clips = self._classes(clips)
        learning, unseen = choose(clips, self.clients, self.shots, self.heard.speakers)
        chosen = select(clips, speakers={*learning, *unseen})
        read, examples = self.reader(chosen, classes, f"read {self.data.name}")
        expect_takes([*learning, *unseen], read, self.data)
        clients = clients_of(dict(enumerate(learning)), read, examples)
        tasks = []
        for speaker, own in _by_speaker(unseen, read, examples).items():
            parts = split_takes([clip for clip in read if clip.speaker == speaker], self.shots)
            tasks.append(Task(speaker, *(own.take(part) for part in parts)))
        return Cohort(classes, clients, tuple(tasks), self._known())

    def _classes(self, clips: Sequence[Clip]) -> tuple[dict[str, int], tuple[Clip, ...]]:
        """The class of every word, and the clips of these words.

        Where nobody asked for words, the alphabetically first take the free classes.
        """
        labels, rows = self.package.labels, self.package.rows
        if self.words is not None:
            return assign_classes(labels, self.words, rows), tuple(clips)
        new = sorted({clip.word for clip in clips} - {*labels})[: rows - len(labels)]
        classes = assign_classes(labels, new, rows)
        return classes, tuple(clip for clip in clips if clip.word in classes)

    def _known(self) -> Known:
        if self.base_data is None:
            return Known()
        classes = {label: index for index, label in enumerate(self.package.labels)}
        clips = choose_known(scan(self.base_data), classes)
        kept, examples = self.reader(clips, classes, f"read {self.base_data.name}")
        return Known(tuple(clip.speaker for clip in kept), examples)


def expect_takes(speakers: Iterable[str], clips: Iterable[Clip], data: Path) -> None:
    """Raise a MynaError if a speaker has no clip that could be read."""
    if missing := {*speakers} - {clip.speaker for clip in clips}:
        raise MynaError(
            f"has no usable recording of a word by speaker {min(missing)}",
            where=str(data),
            fix="record usable files as <word>/<speaker>_<take>.wav, or leave the speaker out",
        )


def clients_of(
    speakers: Mapping[int, str], clips: Sequence[Clip], examples: Examples
) -> tuple[Client, ...]:
    """Clients with their takes.

    Args:
        speakers: by the number of the client.
        clips: of everybody.
        examples: of each clip.
    """
    takes = _by_speaker(speakers.values(), clips, examples)
    return tuple(Client(number, speaker, takes[speaker]) for number, speaker in speakers.items())


def _by_speaker(
    speakers: Iterable[str], clips: Sequence[Clip], examples: Examples
) -> dict[str, Examples]:
    own: dict[str, list[int]] = {speaker: [] for speaker in speakers}
    for index, clip in enumerate(clips):
        if clip.speaker in own:
            own[clip.speaker].append(index)
    return {speaker: examples.take(found) for speaker, found in own.items()}


def choose(
    clips: Sequence[Clip], clients: int, shots: int, heard: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who learns, and who is only examined; the same for the same recordings.

    Speakers are ranked by how many takes they have beyond those to enroll, then by how many at
    all, then by name. Those to be examined are spread evenly over the first of this list, so that
    both groups have as much to say.

    Args:
        clips: of everybody.
        clients: how many learn.
        shots: takes of a word that an examined speaker enrolls.
        heard: speakers who are not examined.

    Returns:
        the clients and the unseen speakers, in order of their names.

    Raises:
        MynaError: there are too few speakers, or nobody who could be examined is left.
    """
    by_word = Counter((clip.speaker, clip.word) for clip in clips)
    takes: Counter[str] = Counter()
    beyond: Counter[str] = Counter()
    for (speaker, _), count in by_word.items():
        takes[speaker] += count
        beyond[speaker] += max(count - shots, 0)
    ranked = sorted(takes, key=lambda speaker: (-beyond[speaker], -takes[speaker], speaker))
    able = [speaker for speaker in ranked if speaker not in {*heard}]
    examined = min(len(ranked) - clients, len(able), UNSEEN)
    if examined < 1:
        raise MynaError(
            f"{len(ranked)} speakers are too few for {clients} clients and somebody to examine",
            where="data folder",
            fix="use fewer --clients",
        )
    first = {*ranked[: clients + examined]}
    front = able[: max(examined, sum(speaker in first for speaker in able))]
    unseen = {front[i * len(front) // examined] for i in range(examined)}
    learning = [speaker for speaker in ranked if speaker not in unseen][:clients]
    return tuple(sorted(learning)), tuple(sorted(unseen))
