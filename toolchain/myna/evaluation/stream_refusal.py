# SPDX-License-Identifier: Apache-2.0
"""The protocol *stream-refusal*: users refuse what a stream falsely takes for one of their words.

A user enrolls K takes of each word, whose thresholds stored negatives set, and says all other words
of the folder. Of words of which a take is an event, whatever word it is taken for, he refuses the
first such take, one word at a time, starting over. How many of his other takes of that word are
events before and after is the figure, beside what it costs his own words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from myna.evaluation.evaluate import mean_with_ci
from myna.evaluation.stream import REFRACTORY, Setting, Task
from myna.learn.detect import SPAN, Embeddings, Event, Rule, Template, detect, scores, template
from myna.learn.false_accepts import calibrate
from myna.learn.sightings import Sightings

REFUSALS = 6  # of a user, at most: words drawn from those that are falsely accepted
FIELDS = (
    *("repeated_before", "repeated_after", "refused_after", "others_before", "others_after"),
    *("missed_before", "missed_after"),
)


@dataclass(frozen=True)
class Listener:
    """Words that are listened for, and sounds that are none."""

    setting: Setting
    templates: tuple[Template, ...]
    rule: Rule

    @classmethod
    def of(cls, setting: Setting, task: Task) -> Listener:
        """For the words of a task, by the takes that are enrolled."""
        space, period = setting.space, setting.clock.period
        own = tuple(
            template([setting.take(one) for one in some], space.center)
            for some in task.enrolled.values()
        )
        least = (calibrate(setting.stored, space, one, period, setting.rate) for one in own)
        return cls(setting, own, Rule(period, REFRACTORY, tuple(least)))

    def words(self, sound: Embeddings, refused: Sequence[Template] = ()) -> set[int]:
        """The words that are heard in a sound, by their numbers."""
        times = self.setting.clock.streamed(len(sound)).astype(np.uint32)
        found = detect(sound, times, self.setting.space, self.templates, self.rule, refused)
        return {event.word for event in found}

    def sighted(self, sound: Embeddings) -> Template:
        """The directions that are kept of the latest event in a sound, of which there is one."""
        kept = Sightings(self.setting.space.center)
        some = np.array([scores(sound, self.setting.space, one) for one in self.templates])
        excess = some - np.array(self.rule.thresholds, np.int64)[:, None]
        for at, word in enumerate(excess.argmax(0).tolist()):
            best, most = Event(at, word, int(some[word, at])), int(excess[word, at])
            kept.push(best, most, sound[at : at + SPAN + 1], accepted=most >= 0)
        return next(own for sighting, own in kept.kept if sighting.accepted)


def examine(
    setting: Setting, task: Task, foreign: Mapping[str, Sequence[Embeddings]]
) -> dict[str, float] | None:
    """Percent of what comes of a user's refusals, and how many; None if nothing is accepted.

    Args:
        setting: what all users have in common.
        task: what he enrolls, and his other takes of these words.
        foreign: his takes of each other word, as the network hears them.
    """
    listener = Listener.of(setting, task)
    before = {w: [bool(listener.words(one)) for one in some] for w, some in foreign.items()}
    chosen = [word for word, hits in before.items() if any(hits)]
    order = np.random.default_rng(setting.seed).permutation(len(chosen))[:REFUSALS]
    found = []
    for word in (chosen[i] for i in order):
        first = before[word].index(True)
        refused = [listener.sighted(foreign[word][first])]
        after = {
            w: [bool(listener.words(one, refused)) for one in some] for w, some in foreign.items()
        }
        found.append(
            (
                *(_percent(_but(hits[word], first)) for hits in (before, after)),
                100.0 * after[word][first],
                *(_percent(_others(hits, word)) for hits in (before, after)),
                *(_missed(listener, task, some) for some in ((), refused)),
            )
        )
    if not found:
        return None
    means = np.mean(found, axis=0).tolist()
    return {"refusals": len(found), **dict(zip(FIELDS, means, strict=True))}


def _missed(listener: Listener, task: Task, refused: Sequence[Template]) -> float:
    """Percent of the enrolled words that are not heard as what they are."""
    return _percent(
        [
            number not in listener.words(one.sound.stream, refused)
            for number, some in enumerate(task.examined.values())
            for one in some
        ]
    )


def _but(hits: Sequence[bool], left_out: int) -> list[bool]:
    return [hit for i, hit in enumerate(hits) if i != left_out]


def _others(hits: Mapping[str, Sequence[bool]], word: str) -> list[bool]:
    return [hit for other, some in hits.items() if other != word for hit in some]


def _percent(hits: Sequence[bool]) -> float:
    return 100.0 * float(np.mean(hits)) if hits else 0.0


def summarize(users: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    """Means over users, with their intervals."""
    return {name: mean_with_ci([user[name] for user in users]) for name in FIELDS}
