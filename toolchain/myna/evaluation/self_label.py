# SPDX-License-Identifier: Apache-2.0
"""The protocol *self-label*: users speak on after enrollment, and nobody says what they said.

What the model does with it is compared with what the same clips bring under their true labels. Two
more runs start over: one gets a fifth of the kept labels wrong, one hears a second speaker too, who
says these words and others as often as the user speaks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from myna.audio.dataset import Clip, scan, select
from myna.evaluation import split
from myna.evaluation.engine import CoreEngine, Engine, expect_core, predict
from myna.evaluation.evaluate import percent_right
from myna.evaluation.personalization import begin
from myna.evaluation.protocol import EvaluationProtocol, Request
from myna.learn.examples import Examples
from myna.learn.listen import Criteria, Listener, Verdict, certain
from myna.learn.recipe import Recipe
from myna.names import RATE
from myna.sessions.learning import rate_pair

ROUNDS = 4  # times that the model adapts
CORRUPT = 0.2  # share of kept labels that are made wrong
NOBODY = -1  # class of a word that the model shall not know
FIELDS = (
    *("before", "after", "labelled", "corrupt_after", "intruder_after"),
    *("known_before", "known_after", "known_labelled", "kept", "wrong"),
    *("intruder_wrong", "undone"),
)
SHOWN = {
    "before": "words before",
    "after": "after hearing them unlabelled",
    "labelled": "after learning them labelled",
    "corrupt_after": "… with 20 % wrong labels",
    "intruder_after": "… with a second speaker",
    "known_before": "known words before",
    "known_after": "known words after",
    "wrong": "kept clips labelled wrongly",
}


@dataclass(frozen=True)
class Self:
    """What came of one run: percent right, percent of known words right, clips kept, how many of
    them labelled wrongly, and how often the model adapted and undid it."""

    right: float
    known: float | None
    kept: int
    wrong: int
    adapted: int
    undone: int


@dataclass(frozen=True)
class SelfExam:
    """A user enrolls words, is then heard without labels, and examined on others of his takes.

    Attributes:
        speaker: who.
        enrolled, heard, examined: his clips; heard are in the order in which he says them.
        intruder: what a second speaker says; words that are none of his classes are `NOBODY`.
        known: what must not be forgotten.
        recipe: how to learn.
        seed: of everything random.
    """

    speaker: str
    enrolled: Examples
    heard: Examples
    examined: Examples
    intruder: Examples
    known: Examples | None
    recipe: Recipe
    seed: int

    def __call__(self, engine: Engine) -> dict[str, Any]:
        """See `protocol.Exam`.

        Raises:
            MynaError: the engine is a board, or computes in floats.
        """
        engine = expect_core(engine, "self-label", "clips are heard one by one")
        before, known_before = self._start(engine)
        engine.learn(self.enrolled.join(self.heard), self.recipe)
        labelled, known_labelled = self._ask(engine)
        plain = self._listen(engine, self.heard)
        corrupt = self._listen(engine, self.heard, CORRUPT)
        order = np.random.default_rng(self.seed).permutation(len(self.heard) + len(self.intruder))
        crowd = self._listen(engine, self.heard.join(self.intruder).take(order.tolist()))
        result = {
            "speaker": self.speaker,
            "enrolled": len(self.enrolled),
            "heard": len(self.heard),
            "tested": len(self.examined),
            "before": before,
            "known_before": known_before,
            "labelled": labelled,
            "known_labelled": known_labelled,
            "after": plain.right,
            "known_after": plain.known,
            "corrupt_after": corrupt.right,
            "intruder_after": crowd.right,
            "kept": 100 * plain.kept / len(self.heard),
            "wrong": _percent(plain.wrong, plain.kept),
            "corrupt_wrong": _percent(corrupt.wrong, corrupt.kept),
            "intruder_wrong": _percent(crowd.wrong, crowd.kept),
            "undone": _percent(plain.undone, plain.adapted),
        }
        return {name: value for name, value in result.items() if value is not None}

    def _start(self, engine: CoreEngine) -> tuple[float, float | None]:
        """The engine as enrollment leaves it, and what it knows then."""
        begin(engine, self.seed)
        if len(self.enrolled):
            engine.learn(self.enrolled, self.recipe)
        return self._ask(engine)

    def _ask(self, engine: CoreEngine) -> tuple[float, float | None]:
        """Percent right of the user's takes, and of what was known."""
        right = percent_right(predict(engine, self.examined.features), self.examined.labels)
        if self.known is None:
            return right, None
        return right, percent_right(predict(engine, self.known.features), self.known.labels)

    def _listen(self, engine: CoreEngine, heard: Examples, corrupt: float = 0.0) -> Self:
        """Start over, hear clips, and adapt `ROUNDS` times on the way."""
        self._start(engine)
        engine.set_state(RATE, rate_pair(self.recipe.rate))
        listener, criteria = engine.listener(self.enrolled), self._criteria(engine)
        rng, wrong, adapted, undone = np.random.default_rng(self.seed), 0, 0, 0
        for part in np.array_split(np.arange(len(heard)), ROUNDS):
            for i in part:
                slot = listener.free_slot()
                if listener.listen(heard.features[i], criteria).verdict is Verdict.KEPT:
                    if rng.random() < corrupt:
                        self._mislabel(listener, slot, rng)
                    wrong += listener.clips[slot].label != heard.labels[i]
            if any(clip.guessed for clip in listener.stored()):
                undone += not listener.adapt(self.recipe).kept
                adapted += 1
        kept = sum(clip.guessed for clip in listener.stored())
        return Self(*self._ask(engine), kept, wrong, adapted, undone)

    def _criteria(self, engine: CoreEngine) -> Criteria:
        return certain(engine.core.program, int(self.examined.labels.min()))

    def _mislabel(self, listener: Listener, slot: int, rng: np.random.Generator) -> None:
        """Give a clip the label of another of the user's words."""
        clip = listener.clips[slot]
        others = sorted({*self.examined.labels.tolist()} - {clip.label})
        if others:
            listener.clips[slot] = replace(clip, label=int(rng.choice(others)))


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0


def conclude(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Percent of what labelled clips bring that each run recovered; null if they bring nothing."""
    start = summary["before"]["mean"]
    brought = summary["labelled"]["mean"] - start
    return {
        f"{run}recovered": (
            100 * (summary[f"{run}after"]["mean"] - start) / brought if brought > 0 else None
        )
        for run in ("", "corrupt_", "intruder_")
    }


def _exams(request: Request) -> Sequence[SelfExam]:
    """Users of words that are new to the model; of known ones if they are asked for."""
    clips, package = scan(request.data), request.package
    words = request.new_words(clips, split.NEW_WORDS)
    own = request.users(clips, words, held_out=set(words) <= set(package.labels))
    speakers = sorted({clip.speaker for clip in own})
    classes = split.assign_classes(package.labels, words, package.rows)
    said = select(clips, speakers=speakers)
    others = sorted({clip.word for clip in said} - {*classes})[: len(words)]
    spoken = select(said, words=(*words, *others))
    everything = dict.fromkeys(others, NOBODY) | classes
    kept, examples = request.read(spoken, everything, f"read {request.data.name}")
    known = request.known()
    exams = []
    for speaker, other in zip(speakers, speakers[1:] + speakers[:1], strict=True):
        shots = {word: 0 if word in package.labels else request.shots for word in words}
        enrolled, heard, examined = split_clips(kept, speaker, shots)
        intruder = _says(kept, other, words, len(heard)) if other != speaker else []
        if heard and examined:
            parts = (examples.take(enrolled), examples.take(heard), examples.take(examined))
            guest, asked = examples.take(intruder), known.beside(speaker)
            exams.append(SelfExam(speaker, *parts, guest, asked, request.recipe, request.seed))
    return exams


def split_clips(
    clips: Sequence[Clip], speaker: str, shots: Mapping[str, int]
) -> tuple[list[int], list[int], list[int]]:
    """Positions of a speaker's clips: to enroll, to hear (the words taking turns), to examine."""
    enrolled: list[int] = []
    heard: list[tuple[int, int]] = []
    examined: list[int] = []
    for word, count in shots.items():
        own = [i for i, clip in enumerate(clips) if (clip.speaker, clip.word) == (speaker, word)]
        takes = sorted(own, key=lambda i: clips[i])
        half = count + (len(takes) - count + 1) // 2
        enrolled += takes[:count]
        heard += list(enumerate(takes[count:half]))
        examined += takes[half:]
    return enrolled, [i for _, i in sorted(heard)], examined


def _says(clips: Sequence[Clip], speaker: str, words: Sequence[str], count: int) -> list[int]:
    """Positions of so many clips of a speaker, half of them these words if there are as many."""
    own = [i for i, clip in enumerate(clips) if clip.speaker == speaker]
    own.sort(key=lambda i: (clips[i].take, clips[i].word))
    same = [i for i in own if clips[i].word in words][: count // 2]
    return (same + [i for i in own if clips[i].word not in words])[:count]


SELF_LABEL = EvaluationProtocol("self-label", FIELDS, SHOWN, _exams, conclude)
