# SPDX-License-Identifier: Apache-2.0
"""The protocol *refusal*: users enroll words, and refuse what is falsely taken for a word.

A user enrolls K takes of each word, and says all other words of the folder. Of words of which a
take is accepted, as whatever word, he refuses the first such take, one word at a time, starting
over; it is learned as `sessions.heard.settle` does. How many of his other takes of that word are
accepted before and after is the figure, beside what it costs the enrolled and the known words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from myna.audio.config import silence_of, unknown_of
from myna.audio.dataset import scan, select
from myna.errors import MynaError
from myna.evaluation import split
from myna.evaluation.engine import CoreEngine, Engine, expect_core, predict
from myna.evaluation.evaluate import percent_right
from myna.evaluation.personalization import begin
from myna.evaluation.protocol import EvaluationProtocol, Request
from myna.evaluation.split import FOREIGN, Task
from myna.learn.accept import Judged
from myna.learn.examples import Examples
from myna.learn.recipe import Recipe

REFUSALS = 6  # of a user, at most: words drawn from those that are falsely accepted
FIELDS = (
    *("repeated_before", "repeated_after", "refused_after", "others_before", "others_after"),
    *("own_before", "own_after", "known_before", "known_after", "undone"),
)
SHOWN = {
    "repeated_before": "accepted of a refused word before",
    "repeated_after": "  after",
    "refused_after": "  of the refused takes",
    "others_before": "accepted of other words before",
    "others_after": "  after",
    "own_before": "enrolled words before",
    "own_after": "  after",
    "known_before": "known words before",
    "known_after": "  after",
    "undone": "refusals undone",
}


@dataclass(frozen=True)
class RefusalExam:
    """A user enrolls words, and refuses takes of others.

    Attributes:
        task: what is enrolled, and his other takes of these words.
        foreign: his takes of each other word, int8 [n, frames, bands].
        known: what must not be forgotten.
        no_words: the classes of other words, as which is refused, and of silence.
        recipe: how to learn.
        seed: of everything random.
    """

    task: Task
    foreign: Mapping[str, npt.NDArray[np.int8]]
    known: Examples | None
    no_words: tuple[int, int | None]
    recipe: Recipe
    seed: int

    def __call__(self, engine: Engine) -> dict[str, Any]:
        """See `protocol.Exam`.

        Raises:
            MynaError: the engine is a board, or computes in floats.
        """
        engine = expect_core(engine, "refusal", "starts over for each refusal")
        begin(engine, self.seed)
        engine.learn(self.task.enrolled, self.recipe)
        state = engine.read_state()
        before, accepted = self._costs(engine), self._accepted(engine)
        chosen = [word for word, hits in accepted.items() if hits.any()]
        order = np.random.default_rng(self.seed).permutation(len(chosen))[:REFUSALS]
        found = []
        for word in (chosen[i] for i in order):
            engine.write_state(state)
            found.append(self._refuse(engine, word, accepted))
        if not found:
            raise MynaError(
                "nothing is falsely accepted, so there is nothing to refuse",
                where=f"speaker {self.task.speaker}",
                fix="examine others: --speakers A,B,…",
            )
        means = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
        return {
            **self.task.to_json(),
            "refusals": len(found),
            **{f"{name}_before": value for name, value in before.items()},
            **means,
        }

    def _refuse(
        self, engine: CoreEngine, word: str, accepted: Mapping[str, npt.NDArray[np.bool_]]
    ) -> dict[str, float]:
        """Percent of what comes of a refusal, from the state after enrollment."""
        state, first = engine.read_state(), int(np.argmax(accepted[word]))
        enrolled, label = self.task.enrolled, self.no_words[0]
        right = percent_right(predict(engine, enrolled.features), enrolled.labels)
        refused = Examples(self.foreign[word][[first]], np.array([label], np.int64))
        learned = engine.learn(enrolled.join(refused), self.recipe)
        less = percent_right(predict(engine, enrolled.features), enrolled.labels) < right
        harm = less or learned.forgot(engine.core.program.asked_memories)
        if harm:
            engine.write_state(state)
        after, costs = self._accepted(engine), self._costs(engine)
        return {
            "repeated_before": _percent(np.delete(accepted[word], first)),
            "repeated_after": _percent(np.delete(after[word], first)),
            "refused_after": _percent(after[word][[first]]),
            "others_before": _percent(_but(accepted, word)),
            "others_after": _percent(_but(after, word)),
            **{f"{name}_after": value for name, value in costs.items()},
            "undone": 100.0 * harm,
        }

    def _costs(self, engine: CoreEngine) -> dict[str, float]:
        """Percent of enrolled words right and accepted, and of known words right."""
        examined = self.task.examined
        own = engine.judge(examined.features)
        figures = {"own": _percent((own.labels == examined.labels) & own.accepted)}
        if self.known is not None:
            right = percent_right(predict(engine, self.known.features), self.known.labels)
            figures["known"] = right
        return figures

    def _accepted(self, engine: CoreEngine) -> dict[str, npt.NDArray[np.bool_]]:
        """Which takes of each foreign word are accepted as a word."""
        return {word: self._as_words(engine.judge(x)) for word, x in self.foreign.items()}

    def _as_words(self, judged: Judged) -> npt.NDArray[np.bool_]:
        classes = [label for label in self.no_words if label is not None]
        return judged.accepted & ~np.isin(judged.labels, classes)


def _but(accepted: Mapping[str, npt.NDArray[np.bool_]], word: str) -> npt.NDArray[np.bool_]:
    others = [hits for other, hits in accepted.items() if other != word]
    return np.concatenate([np.zeros(0, bool), *others])


def _percent(hits: npt.NDArray[np.bool_]) -> float:
    return 100.0 * float(hits.mean()) if len(hits) else 0.0


def _exams(request: Request) -> Sequence[RefusalExam]:
    """Users of words that are new to the model, who say others, too."""
    clips, labels = scan(request.data), request.package.labels
    unknown = unknown_of(labels)
    if unknown is None:
        raise MynaError(
            "has no class of other words, as which sounds are refused",
            where="protocol refusal",
            fix="use a model with a class unknown",
        )
    words = request.new_words(clips, split.NEW_WORDS)
    speakers = {clip.speaker for clip in request.users(clips, words, held_out=False)}
    classes = dict.fromkeys((clip.word for clip in clips), FOREIGN)
    numbers = split.assign_classes(labels, words, request.package.rows)
    classes |= {word: numbers[word] for word in words}
    said = select(clips, speakers=speakers)
    kept, examples = request.read(said, classes, f"read {request.data.name}")
    known, exams = request.known(), []
    is_word = examples.labels != FOREIGN
    own = np.flatnonzero(is_word).tolist()
    tasks = split.make_tasks([kept[i] for i in own], examples.take(own), request.shots)
    for task in tasks:
        foreign: dict[str, list[int]] = {}
        for i in np.flatnonzero(~is_word):
            if kept[i].speaker == task.speaker:
                foreign.setdefault(kept[i].word, []).append(int(i))
        exams.append(
            RefusalExam(
                task,
                {word: examples.features[places] for word, places in foreign.items()},
                known.beside(task.speaker),
                (unknown, silence_of(labels)),
                request.recipe,
                request.seed,
            )
        )
    return exams


REFUSAL = EvaluationProtocol("refusal", FIELDS, SHOWN, _exams)
