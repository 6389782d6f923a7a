# SPDX-License-Identifier: Apache-2.0
"""What every evaluation protocol is made of: a request becomes one exam for each user."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from myna.audio.dataset import Clip, Heard, select
from myna.errors import MynaError
from myna.evaluation import split
from myna.evaluation.engine import Engine
from myna.evaluation.sources import are_examples, scan
from myna.learn.examples import Examples
from myna.learn.recipe import Recipe
from myna.package.package import CONTRIBUTIONS, Package

Read = Callable[[Sequence[Clip], Mapping[str, int], str], tuple[tuple[Clip, ...], Examples]]


class Exam(Protocol):
    """One user's examination; travels between processes."""

    def __call__(self, engine: Engine) -> dict[str, Any]:
        """An entry of ``per_speaker``: its "speaker", and figures by name."""


def refuse_measured(speakers: Collection[str], measured_on: Collection[str]) -> None:
    """Whom contributions were measured on, a plan chosen by them is not examined on.

    Raises:
        MynaError: some speakers are both.
    """
    if both := sorted({*speakers} & {*measured_on}):
        raise MynaError(
            f"speaker {', '.join(both)} had a part in choosing what is trained, as contributions "
            "were measured on them: examined on them, it would look better than it is",
            where=CONTRIBUTIONS,
            fix="examine other speakers, or measure on others: "
            "`myna contributions MODEL --data DIR --speakers A,B,…`",
        )


@dataclass(frozen=True)
class Known:
    """A sample of what the model knew, which must not be forgotten.

    Attributes:
        speakers: who says each example, and
        examples: what; None without base data.
    """

    speakers: tuple[str, ...] = ()
    examples: Examples | None = None

    def beside(self, speaker: str) -> Examples | None:
        """What others than a user say: of his own takes some may be enrolled.

        Raises:
            MynaError: nobody else says anything.
        """
        if self.examples is None:
            return None
        others = [i for i, name in enumerate(self.speakers) if name != speaker]
        if not others:
            raise MynaError(
                f"nobody but {speaker} says a word that the model knows",
                where="base data",
                fix="name other --base-data, or examine others",
            )
        return self.examples.take(others)


@dataclass(frozen=True)
class Request:
    """What an evaluation is asked for.

    Attributes:
        package: the model.
        heard: what its embedding was trained on, which is left out unless asked for by name.
        data: recordings or examples of the users.
        base_data: those of what the model knew.
        shots: takes that a user enrolls of each word.
        speakers: who; None chooses at most `most` of those never heard, () takes everybody.
        words: which; None chooses.
        recipe: how to learn.
        seed: of everything random.
        reader: gets the features of clips: (clips, class of each word, title).
        measured_on: who chose what is trained, and so may not be examined.
    """

    package: Package
    heard: Heard
    data: Path
    base_data: Path | None
    shots: int
    speakers: tuple[str, ...] | None
    most: int
    words: tuple[str, ...] | None
    recipe: Recipe
    seed: int
    reader: Read
    measured_on: frozenset[str] = frozenset()

    def read(
        self, clips: Sequence[Clip], classes: Mapping[str, int], title: str
    ) -> tuple[tuple[Clip, ...], Examples]:
        """Clips and their features; all that an exam asks comes from here.

        Raises:
            MynaError: some of them are of speakers who chose what is trained.
        """
        refuse_measured({clip.speaker for clip in clips}, self.measured_on)
        return self.reader(clips, classes, title)

    def new_words(self, clips: Sequence[Clip], count: int) -> tuple[str, ...]:
        """The words to learn: those asked for, or the first ones that nobody taught the model."""
        known = {*self.package.labels, *self.heard.words}
        return self.words or split.choose_new_words(clips, known, count)

    def users(
        self, clips: Sequence[Clip], words: Sequence[str], *, held_out: bool
    ) -> tuple[Clip, ...]:
        """The clips of these words by the users to examine.

        Args:
            clips: to choose from.
            words: what they say.
            held_out: whether the model was trained on these words, so that only speakers of the
                test split were never heard.

        Raises:
            MynaError: nobody says enough.
        """
        own = select(clips, words=words)
        if self.speakers is not None:
            return select(own, speakers=self.speakers or None)
        unheard = tuple(clip for clip in own if clip.speaker not in self.heard.speakers)
        chosen = split.choose_speakers(unheard, words, self.shots, self.most, held_out=held_out)
        return select(unheard, speakers=chosen)

    def tasks(self, clips: Sequence[Clip], classes: Mapping[str, int]) -> tuple[split.Task, ...]:
        """One task for each speaker of these clips.

        Raises:
            MynaError: a speaker asked for has nothing to be examined on.
        """
        kept, examples = self.read(clips, classes, f"read {self.data.name}")
        tasks = split.make_tasks(kept, examples, self.shots)
        missing = sorted(set(self.speakers or ()) - {task.speaker for task in tasks})
        if missing:
            raise MynaError(
                f"speaker {', '.join(missing)} has no usable take beyond {self.shots} of these "
                "words",
                where=str(self.data),
                fix="lower --shots, or leave the speaker out",
            )
        return tasks

    def known(self) -> Known:
        """A sample of what the model knew; empty without base data."""
        if self.base_data is None:
            return Known()
        classes = {label: index for index, label in enumerate(self.package.labels)}
        clips = split.choose_known(
            scan(self.base_data), classes, held_out=not are_examples(self.base_data)
        )
        kept, examples = self.read(clips, classes, f"read {self.base_data.name}")
        return Known(tuple(clip.speaker for clip in kept), examples)


@dataclass(frozen=True)
class EvaluationProtocol:
    """An evaluation protocol.

    Attributes:
        name: of ``--protocol``.
        fields: figures of each user that are averaged.
        shown: which of them a terminal shows, with a title; the first that exist.
        exams: makes the exams of a request.
        conclude: figures that follow from the means, by name.
        needs_sound: whether it mixes or listens to sound, so that examples do not do.
    """

    name: str
    fields: tuple[str, ...]
    shown: Mapping[str, str]
    exams: Callable[[Request], Sequence[Exam]]
    conclude: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda _: {}
    needs_sound: bool = True
