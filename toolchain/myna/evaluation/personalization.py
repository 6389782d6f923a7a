# SPDX-License-Identifier: Apache-2.0
"""The protocols *speaker* and *new-words*: users enroll words, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from myna.audio.dataset import Clip
from myna.evaluation import split
from myna.evaluation.engine import Engine, Labels, predict
from myna.evaluation.evaluate import digest, percent_right
from myna.evaluation.protocol import EvaluationProtocol, Request
from myna.evaluation.sources import are_examples, scan
from myna.evaluation.split import Task
from myna.learn.examples import Examples
from myna.learn.recipe import Recipe
from myna.names import SEED
from myna.sessions.learning import scalar

FIELDS = ("before", "after", "known_before", "known_after")
SHOWN = {
    "before": "enrolled words before",
    "after": "enrolled words after",
    "known_before": "known words before",
    "known_after": "known words after",
}


@dataclass(frozen=True)
class WordsExam:
    """A user enrolls words and is examined on others of his takes, before and after.

    Attributes:
        task: who enrolls what.
        known: what must not be forgotten.
        recipe: how to learn.
        seed: of everything random.
    """

    task: Task
    known: Examples | None
    recipe: Recipe
    seed: int

    def __call__(self, engine: Engine) -> dict[str, Any]:
        """See `protocol.Exam`."""
        task, known = self.task, self.known
        result = task.to_json()
        begin(engine, self.seed)
        found = {"before": self._ask(engine)}
        engine.learn(task.enrolled, self.recipe)
        found["after"] = self._ask(engine)
        own = len(task.examined)
        for when, labels in found.items():
            result[when] = percent_right(labels[:own], task.examined.labels)
            if known is not None:
                result[f"known_{when}"] = percent_right(labels[own:], known.labels)
        return result | {"predictions": {when: digest(labels) for when, labels in found.items()}}

    def _ask(self, engine: Engine) -> Labels:
        questions = self.task.examined.features
        if self.known is not None:
            questions = np.concatenate([questions, self.known.features])
        return predict(engine, questions)


def begin(engine: Engine, seed: int) -> None:
    """The engine as built, with a seed."""
    engine.reset()
    engine.set_state(SEED, scalar(seed))


def _speaker(request: Request) -> Sequence[WordsExam]:
    """A user enrolls takes of every word that the model knows."""
    clips = scan(request.data)
    words = request.words or split.known_words(clips, request.package.labels)
    return _exams(
        request, request.users(clips, words, held_out=not are_examples(request.data)), words
    )


def _new_words(request: Request) -> Sequence[WordsExam]:
    """A user enrolls takes of words that are new to the model."""
    clips = scan(request.data)
    words = request.new_words(clips, split.NEW_WORDS)
    return _exams(request, request.users(clips, words, held_out=False), words)


def _exams(request: Request, clips: Sequence[Clip], words: Sequence[str]) -> list[WordsExam]:
    package = request.package
    classes = split.assign_classes(package.labels, words, package.rows)
    tasks, known = request.tasks(clips, classes), request.known()
    return [
        WordsExam(task, known.beside(task.speaker), request.recipe, request.seed) for task in tasks
    ]


SPEAKER = EvaluationProtocol("speaker", FIELDS, SHOWN, _speaker, needs_sound=False)
NEW_WORDS = EvaluationProtocol("new-words", FIELDS, SHOWN, _new_words, needs_sound=False)
