# SPDX-License-Identifier: Apache-2.0
"""The protocol *stream*: words in hours of sound, as people judge wake words.

Words are enrolled from K takes, and then listened for: in recordings of them, and in hours of sound
in which nobody says them. Every threshold gives false accepts per hour and words missed, of each
word for itself; the figures are the misses at set rates of false accepts, and how long after its
end a word is heard. The same is asked of single windows, as a clip is classified (`baseline`), and
of words that the model knows before anything is learned (`before`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from myna.audio import endpoint, native
from myna.audio.config import RATE
from myna.audio.dataset import Clip
from myna.audio.features import Pcm
from myna.engines.library import HostLibrary
from myna.evaluation.det import Negatives, Track, missed
from myna.evaluation.engine import CoreEngine
from myna.evaluation.evaluate import mean_with_ci
from myna.evaluation.personalization import begin
from myna.evaluation.sound import Clock, Head, Sound
from myna.learn.detect import MIDDLE, SPAN, Embeddings, Space, Template, scores, template
from myna.learn.examples import Examples
from myna.learn.false_accepts import calibrate
from myna.learn.recipe import Recipe
from myna.learn.separability import Confusable, Take, confusable

RATES = (0.1, 0.5, 1.0)  # false accepts of a word per hour, and
CURVE = (0.05, 0.2, 2.0, 5.0, 10.0, 20.0, 50.0)  # those that a curve has beside them
AT = 0.5  # where latency is measured
REFRACTORY = RATE  # samples
PERCENTILE = 95


@dataclass(frozen=True)
class Positive:
    """A recording of a word.

    Attributes:
        clip: which.
        pcm: as it was recorded, int16 [samples].
        sound: it, in silence or noise, as a network hears it, and
        word: where in that: first sample, and one behind the last; None where it was not found.
    """

    clip: Clip
    pcm: Pcm
    sound: Sound
    word: tuple[int, int] | None


@dataclass(frozen=True)
class Task:
    """What is enrolled, and what is listened to.

    Attributes:
        name: of the user, or of the draw of takes.
        enrolled: takes of each word, and
        examined: others, which may be in noise.
    """

    name: str
    enrolled: Mapping[str, Sequence[Positive]]
    examined: Mapping[str, Sequence[Positive]]


@dataclass(frozen=True)
class Setting:
    """What all tasks have in common.

    Attributes:
        negatives: sound in which no word is said.
        clock: when decisions are made.
        classes: of the words.
        labels: how many of the classes the model knows.
        space: what scores depend on.
        stored: negatives of the model's folder, of every `STRIDE`-th decision, [n, inputs]; perhaps
            none.
        rate: false accepts per hour for which thresholds are set by these.
        recipe: how to learn.
        seed: of everything random.
    """

    negatives: Sequence[Sound]
    clock: Clock
    classes: Mapping[str, int]
    labels: int
    space: Space
    stored: Embeddings
    rate: float
    recipe: Recipe
    seed: int

    @property
    def hours(self) -> float:
        """Of negatives."""
        return sum(sound.samples for sound in self.negatives) / RATE / 3600

    def examine(self, engine: CoreEngine, task: Task) -> list[dict[str, Any]]:
        """Learn, and listen before and after: an entry for each word."""
        begin(engine, self.seed)
        known = [word for word in task.examined if self.classes[word] < self.labels]
        before = {word: self._single(engine, word, task.examined[word]) for word in known}
        engine.learn(self._examples(engine, task), self.recipe)
        return [
            {
                "task": task.name,
                "word": word,
                "positives": len(said),
                **self._streamed(task.enrolled[word], said),
                "baseline": self._single(engine, word, said),
                "before": before.get(word),
            }
            for word, said in task.examined.items()
        ]

    def take(self, positive: Positive) -> Embeddings:
        """What a template is made of: the decisions around the middle of a word that was found."""
        assert positive.word is not None
        middle = sum(positive.word) // 2
        clock = self.clock
        first = clock.warm_up - clock.delay - clock.window // 2  # middle of the first decision
        at = round((middle - first) / clock.period)
        return positive.sound.stream[at - MIDDLE : at - MIDDLE + SPAN + 1]

    def confusable(self, task: Task) -> list[Confusable]:
        """Which words will be taken for each other, by the takes that are enrolled."""
        takes = {
            word: [Take(self.take(one), one.sound.stream) for one in some]
            for word, some in task.enrolled.items()
        }
        return list(confusable(takes, self.space))

    def _examples(self, engine: CoreEngine, task: Task) -> Examples:
        """The takes as a board cuts them from their recordings."""
        takes = [(self.classes[word], p) for word, some in task.enrolled.items() for p in some]
        audio = engine.front_end
        maps = [native.extract(audio, endpoint.cut(audio, p.pcm)) for _, p in takes]
        return Examples(np.array(maps), np.array([label for label, _ in takes], np.int64))

    def _streamed(self, enrolled: Sequence[Positive], said: Sequence[Positive]) -> dict[str, Any]:
        """Figures of the detector."""
        own = template([self.take(one) for one in enrolled], self.space.center)
        negatives = [self.track(sound, own) for sound in self.negatives]
        tracks = [self.track(one.sound, own) for one in said]
        found = self._figures(negatives, tracks, said)
        if not len(self.stored):
            return found | {"calibrated": None}
        least = calibrate(self.stored, self.space, own, self.clock.period, self.rate)
        accepted = Negatives(negatives, self.hours, REFRACTORY).false_accepts(least)
        calibrated = {"false_accepts": accepted / self.hours, "misses": missed(tracks, least)}
        return found | {"calibrated": calibrated}

    def track(self, sound: Sound, own: Template) -> Track:
        """Scores of the word with this template."""
        times = self.clock.streamed(len(sound.stream))[SPAN:]
        return Track(scores(sound.stream, self.space, own).astype(np.int64), times)

    def _single(self, engine: CoreEngine, word: str, said: Sequence[Positive]) -> dict[str, Any]:
        """Figures of single windows."""
        assert isinstance(engine.core, HostLibrary)
        head, label = Head(engine.core), self.classes[word]

        def track(sound: Sound) -> Track:
            times = self.clock.single(len(sound.windows))
            return Track(head.confidences(sound.windows, label), times)

        tracks = [track(sound) for sound in self.negatives]
        return self._figures(tracks, [track(one.sound) for one in said], said)

    def _figures(
        self, negatives: Sequence[Track], tracks: Sequence[Track], said: Sequence[Positive]
    ) -> dict[str, Any]:
        """Misses, in percent, by false accepts per hour; latencies, in ms."""
        foreign = Negatives(negatives, self.hours, REFRACTORY)
        thresholds = {rate: foreign.threshold(rate) for rate in sorted((*RATES, *CURVE))}
        return {
            "misses": {f"{rate:g}": missed(tracks, least) for rate, least in thresholds.items()},
            "latencies_ms": list(_latencies(tracks, said, thresholds[AT])),
        }


def _latencies(
    tracks: Sequence[Track], said: Sequence[Positive], threshold: int
) -> Iterator[float]:
    """From the end of each word that is heard, where that was found, to when it is heard."""
    for track, one in zip(tracks, said, strict=True):
        heard = track.events(threshold, REFRACTORY)
        if heard and one.word is not None:
            yield 1000 * (heard[0] - one.word[1]) / RATE


def summarize(entries: Sequence[Mapping[str, Any]], rate: float) -> dict[str, Any]:
    """The figures of ``evaluate --json``: of all words together, and by word."""
    words = sorted({entry["word"] for entry in entries})
    known = [entry["before"] for entry in entries if entry["before"] is not None]
    return {
        "positives": sum(entry["positives"] for entry in entries),
        **_means(entries),
        "baseline": _means([entry["baseline"] for entry in entries]),
        "before": _means(known) if known else None,
        "calibrated": _calibrated([entry["calibrated"] for entry in entries], rate),
        "per_word": {
            word: _means([entry for entry in entries if entry["word"] == word]) for word in words
        },
        "per_task": [
            {key: entry[key] for key in ("task", "word", "positives", "misses")}
            for entry in entries
        ],
    }


def _means(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means over entries, with their intervals; latencies of all that was heard."""
    rates = entries[0]["misses"]
    curve = {rate: mean_with_ci([entry["misses"][rate] for entry in entries]) for rate in rates}
    heard = [latency for entry in entries for latency in entry["latencies_ms"]]
    middle, late = np.percentile(heard, (50, PERCENTILE)) if heard else (None, None)
    return {
        "misses_at_fa_per_hour": {f"{rate:g}": curve[f"{rate:g}"] for rate in RATES},
        "latency_ms": {"median": middle, "p95": late},
        "curve": curve,
    }


def _calibrated(
    entries: Sequence[Mapping[str, float] | None], rate: float
) -> dict[str, Any] | None:
    """What thresholds by stored negatives brought."""
    set_by = [entry for entry in entries if entry is not None]
    if not set_by:
        return None
    return {
        "wanted": rate,
        "false_accepts_per_hour": mean_with_ci([entry["false_accepts"] for entry in set_by]),
        "misses": mean_with_ci([entry["misses"] for entry in set_by]),
    }
