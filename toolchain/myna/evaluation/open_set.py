# SPDX-License-Identifier: Apache-2.0
"""The protocol *open-set*: enrolled words against all other words, and against noise.

A user enrolls K takes of each word and is examined on his other takes of them (genuine) and on all
other words of the folder (impostors), whether the model knew those or not. If nobody has more than
K takes of every word, the users are folds of speakers, and the K takes of each word are drawn from
speakers outside the fold: ``"enrolled_by": "others"``. Words that are labels of the model may be
enrolled too; then only speakers of the test split were never heard.

The area under the ROC asks whether enrolled words are told from others: a take that is accepted as
another enrolled word counts as accepted. The other figures ask for the right word as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from myna.audio import native
from myna.audio.config import RATE
from myna.audio.dataset import Clip, read_noises, scan, select, split_of
from myna.errors import MynaError
from myna.evaluation import roc, split
from myna.evaluation.engine import Engine
from myna.evaluation.evaluate import percent_right
from myna.evaluation.personalization import begin
from myna.evaluation.protocol import EvaluationProtocol, Request
from myna.evaluation.split import FOREIGN
from myna.learn.accept import Judged
from myna.learn.examples import Examples
from myna.learn.recipe import Recipe
from myna.pretrain.corpus import HELD_OUT_SAMPLES

WORDS = 10  # enrolled by default
FOLDS = 5
FALSE_ACCEPTS = 0.05

FIELDS = (
    *("before", "after", "accuracy_at_5pct_far", "auroc"),
    *("calibrated_accuracy", "calibrated_far", "noise_far"),
)
SHOWN = {
    "after": "enrolled words, closed set",
    "accuracy_at_5pct_far": "at 5 % false accepts",
    "auroc": "area under the ROC",
    "calibrated_accuracy": "at the device's threshold",
    "calibrated_far": "  false accepts, words",
    "noise_far": "  false accepts, noise",
}


@dataclass(frozen=True)
class Group:
    """Who is examined.

    Attributes:
        name: a speaker, or a fold.
        members: its speakers.
        enrolled_by: "self" or "others".
    """

    name: str
    members: tuple[str, ...]
    enrolled_by: str


@dataclass(frozen=True)
class OpenSetExam:
    """A group enrolls words and is examined on takes of them, on other words and on noise.

    Attributes:
        group: who.
        enrolled, genuine: examples of the words.
        impostors, noise: int8 [n, frames, bands]; noise may be empty.
        recipe: how to learn.
        seed: of everything random.
    """

    group: Group
    enrolled: Examples
    genuine: Examples
    impostors: npt.NDArray[np.int8]
    noise: npt.NDArray[np.int8]
    recipe: Recipe
    seed: int

    def __call__(self, engine: Engine) -> dict[str, Any]:
        """See `protocol.Exam`."""
        labels = self.genuine.labels
        begin(engine, self.seed)
        before = engine.judge(self.genuine.features)
        engine.learn(self.enrolled, self.recipe)
        own, foreign = engine.judge(self.genuine.features), engine.judge(self.impostors)
        scores, impostor_scores = self._scores(own), self._scores(foreign)
        least = roc.threshold(impostor_scores, FALSE_ACCEPTS)
        right = own.labels == labels
        result = {
            "speaker": self.group.name,
            "members": list(self.group.members),
            "enrolled_by": self.group.enrolled_by,
            "enrolled": len(self.enrolled),
            "tested": len(labels),
            "impostors": len(self.impostors),
            "before": percent_right(before.labels, labels),
            "after": percent_right(own.labels, labels),
            "accuracy_at_5pct_far": _percent(right & (scores >= least)),
            "auroc": 100 * roc.area(scores, impostor_scores),
            "calibrated_accuracy": _percent(right & own.accepted),
            "calibrated_far": self._false_accepts(foreign),
        }
        if len(self.noise):
            result["noise_far"] = self._false_accepts(engine.judge(self.noise))
        return result

    def _scores(self, judged: Judged) -> npt.NDArray[np.int64]:
        """Confidences; of what is not taken for an enrolled word, less than any."""
        return np.where(self._is_word(judged), judged.confidences, roc.NEVER)

    def _false_accepts(self, judged: Judged) -> float:
        return _percent(self._is_word(judged) & judged.accepted)

    def _is_word(self, judged: Judged) -> npt.NDArray[np.bool_]:
        return np.isin(judged.labels, self.enrolled.labels)


def _open_set(request: Request) -> Sequence[OpenSetExam]:
    """Enrolled words, by themselves or by others, against all words of the folder."""
    package, clips = request.package, scan(request.data)
    words = request.new_words(clips, WORDS)
    known = any(word in package.labels for word in words)
    unheard = _unheard(request, clips, test_only=known)
    groups = _groups(request, unheard, words)
    classes = {clip.word: FOREIGN for clip in clips}
    numbers = split.assign_classes(package.labels, words, package.rows)
    classes |= {word: numbers[word] for word in words}
    if groups[0].enrolled_by == "self":
        unheard = select(unheard, speakers={name for group in groups for name in group.members})
    kept, examples = request.read(unheard, classes, f"read {request.data.name}")
    noise = _noise(request)
    return [_exam(request, group, kept, examples, noise) for group in groups]


def _unheard(request: Request, clips: Sequence[Clip], *, test_only: bool) -> tuple[Clip, ...]:
    """The clips of speakers that the model never heard, and of those asked for."""
    asked = set(request.speakers or ())
    if request.speakers == ():
        return tuple(clips)
    return tuple(
        clip
        for clip in clips
        if clip.speaker in asked
        or not (
            clip.speaker in request.heard.speakers
            or (test_only and split_of(clip.speaker) != "test")
        )
    )


def _groups(request: Request, clips: Sequence[Clip], words: Sequence[str]) -> list[Group]:
    """Users with more than K takes of every word; if there is none, folds of all speakers.

    Raises:
        MynaError: there are no two speakers of these words.
    """
    own = select(clips, words=words, speakers=request.speakers or None)
    takes = Counter((clip.speaker, clip.word) for clip in own)
    speakers = sorted({clip.speaker for clip in own})
    able = [s for s in speakers if all(takes[s, word] > request.shots for word in words)]
    if able:
        able = able if request.speakers is not None else able[: request.most]
        return [Group(speaker, (speaker,), "self") for speaker in able]
    if len({clip.speaker for clip in clips}) < 2:
        raise MynaError(
            f"nobody has more than {request.shots} takes of every word, and there are no others "
            "to enroll them",
            where=str(request.data),
            fix="lower --shots, or take everybody: --speakers all",
        )
    folds = [tuple(speakers[i::FOLDS]) for i in range(min(FOLDS, len(speakers)))]
    return [Group(f"fold {i}", members, "others") for i, members in enumerate(folds, 1)]


def _exam(
    request: Request,
    group: Group,
    clips: Sequence[Clip],
    examples: Examples,
    noise: npt.NDArray[np.int8],
) -> OpenSetExam:
    """The exam of a group from all usable clips."""
    own = [i for i, clip in enumerate(clips) if clip.speaker in group.members]
    if group.enrolled_by == "self":
        positions = [i for i in own if examples.labels[i] != FOREIGN]
        chosen, _ = split.split_takes([clips[i] for i in positions], request.shots)
        enrolled = [positions[i] for i in chosen]
    else:
        enrolled = _draw(request, group, clips, examples.labels)
    rest = examples.take(sorted(set(own) - set(enrolled)))
    is_word = rest.labels != FOREIGN
    genuine = rest.take(np.flatnonzero(is_word).tolist())
    impostors = rest.features[~is_word]
    if not (len(genuine) and len(impostors)):
        raise MynaError(
            f"{group.name} has no take of {'another' if len(genuine) else 'an enrolled'} word to "
            "be examined on",
            where=str(request.data),
            fix="choose other words or speakers",
        )
    taught = examples.take(enrolled)
    return OpenSetExam(group, taught, genuine, impostors, noise, request.recipe, request.seed)


def _draw(
    request: Request, group: Group, clips: Sequence[Clip], labels: npt.NDArray[np.int64]
) -> list[int]:
    """Positions of K takes of each word by speakers outside a group, drawn at random.

    Raises:
        MynaError: others have fewer takes of a word.
    """
    rng = np.random.default_rng((request.seed, *group.name.encode()))
    outside = np.array([clip.speaker not in group.members for clip in clips])
    drawn: list[int] = []
    for label in sorted({*labels.tolist()} - {FOREIGN}):
        takes = np.flatnonzero(outside & (labels == label))
        if len(takes) < request.shots:
            word = next(c.word for c, found in zip(clips, labels, strict=True) if found == label)
            raise MynaError(
                f"others than {group.name} have {len(takes)} usable takes of {word}, "
                f"{request.shots} are to be enrolled",
                where=str(request.data),
                fix="lower --shots, or take everybody: --speakers all",
            )
        drawn += sorted(rng.choice(takes, request.shots, replace=False).tolist())
    return drawn


def _noise(request: Request) -> npt.NDArray[np.int8]:
    """Feature maps of seconds of background noise that pretraining leaves out."""
    seconds = [
        pcm[start : start + RATE]
        for pcm in read_noises(request.data).values()
        for start in range(max(len(pcm) - HELD_OUT_SAMPLES, 0), len(pcm) - RATE + 1, RATE)
    ]
    audio = request.package.front_end
    shape = (0, audio.frames, audio.features)
    return native.extract(audio, np.array(seconds)) if seconds else np.zeros(shape, np.int8)


def _percent(hits: npt.NDArray[np.bool_]) -> float:
    return 100 * float(np.mean(hits))


OPEN_SET = EvaluationProtocol("open-set", FIELDS, SHOWN, _open_set)
