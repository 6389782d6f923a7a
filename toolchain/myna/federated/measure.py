# SPDX-License-Identifier: Apache-2.0
"""What a federation brought to speakers who took no part in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from myna.evaluation.engine import HOST, Engine, predict
from myna.evaluation.evaluate import mean_with_ci, percent_right
from myna.evaluation.personalization import begin
from myna.evaluation.split import Task
from myna.federated.client import Client, Order, learn
from myna.federated.federation import Federation
from myna.learn.examples import Examples, Progress
from myna.learn.recipe import Recipe
from myna.names import CLASSES, SEED
from myna.sessions.learning import scalar

Mean = dict[str, float | None]


def measure(
    federation: Federation, start: bytes, state: bytes, progress: Progress
) -> dict[str, Any]:
    """What is right of the unseen speakers' words in percent: means with their intervals.

    Before, after and centralized over all of their takes; local_only and personalized over those
    not enrolled, of speakers who have such takes.

    Args:
        federation: which ended.
        start: the state block before its first round.
        state: the state block after its last round.
        progress: called with exams (done, total).

    Returns:
        means by these names, None where no speaker has such takes; under "known" what is right of
        what the model knew, None without base data.
    """
    cohort, order, project = federation.cohort, federation.order, federation.project
    labels = len(project.package.labels)
    pooled = Pooled(cohort.clients, start, order, federation.rounds)
    enrolling = [task for task in cohort.unseen if len(task.examined)]
    recipe = Recipe.of(whole=project.program.is_whole)
    enrollments = [Enrollment(task, state, labels, order, recipe) for task in enrolling]
    centralized, *enrolled = federation.examine([pooled, *enrollments], HOST, progress)
    built = project.library().read_state()
    states = {"before": built, "after": state, "centralized": centralized["state"]}
    exams = [
        Accuracy(task.speaker, task.enrolled.join(task.examined), states) for task in cohort.unseen
    ]
    memory = cohort.known.examples
    remembered = [] if memory is None else [Accuracy("", memory, states)]
    asked = federation.examine([*exams, *remembered], HOST, progress)
    found = asked.pop() if remembered else None
    return {
        **{name: _mean(asked, name) for name in states},
        **{name: _mean(enrolled, name) for name in ("local_only", "personalized")},
        "known": found and {name: found[name] for name in states},
    }


def _mean(found: Sequence[Mapping[str, Any]], name: str) -> Mean | None:
    return mean_with_ci([one[name] for one in found]) if found else None


@dataclass(frozen=True)
class Pooled:
    """One learner has the takes of all clients: in each round those that they draw, as many steps.

    Attributes:
        clients: whose takes.
        state: to begin with.
        order: of the rounds.
        rounds: how many.
    """

    clients: Sequence[Client]
    state: bytes
    order: Order
    rounds: int

    def __call__(self, engine: Engine) -> dict[str, Any]:
        """See `evaluation.protocol.Exam`."""
        engine.write_state(self.state)
        for number in range(1, self.rounds + 1):
            order = replace(self.order, server_round=number)
            drawn = [order.drawn(client) for client in self.clients]
            takes = Examples(
                np.concatenate([some.features for some in drawn]),
                np.concatenate([some.labels for some in drawn]),
            )
            everybody = Client(len(self.clients), "", takes)
            learn(engine, everybody, replace(order, most=len(takes), proximal=0))
        return {"speaker": "", "state": engine.read_state()}


@dataclass(frozen=True)
class Enrollment:
    """An unseen speaker enrolls, at the model as built and at the federated one.

    Attributes:
        task: who enrolls what, and is examined on what.
        state: the federated one.
        labels: how many the model has.
        order: of the federation, whose seed is that of everything random.
        recipe: of a speaker who enrolls for himself.
    """

    task: Task
    state: bytes
    labels: int
    order: Order
    recipe: Recipe

    def __call__(self, engine: Engine) -> dict[str, Any]:
        """See `evaluation.protocol.Exam`."""
        own = self._own_classes()
        begin(engine, self.order.seed)
        local = self._enroll(engine, own)
        engine.write_state(self.state)
        engine.set_state(SEED, scalar(self.order.seed))
        if self.order.private_head:  # the server's knows no more words than the one as built
            engine.set_state(CLASSES, scalar(self.labels))
        else:
            own = np.arange(own.size)
        personalized = self._enroll(engine, own)
        found = {"local_only": local, "personalized": personalized}
        return {"speaker": self.task.speaker, **found}

    def _own_classes(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The class of each word where only this speaker's words are learned, without gaps."""
        enrolled = self.task.enrolled.labels
        own = np.arange(int(enrolled.max()) + 1)
        new = np.unique(enrolled[enrolled >= self.labels])
        own[new] = self.labels + np.arange(len(new))
        return own

    def _enroll(self, engine: Engine, classes: np.ndarray[Any, np.dtype[np.int64]]) -> float:
        enrolled, examined = self.task.enrolled, self.task.examined
        engine.learn(Examples(enrolled.features, classes[enrolled.labels]), self.recipe)
        return percent_right(predict(engine, examined.features), classes[examined.labels])


@dataclass(frozen=True)
class Accuracy:
    """What states get right of a speaker's words.

    Attributes:
        speaker: who.
        examined: what is asked.
        states: by name.
    """

    speaker: str
    examined: Examples
    states: Mapping[str, bytes]

    def __call__(self, engine: Engine) -> dict[str, Any]:
        """See `evaluation.protocol.Exam`."""
        found = {}
        for name, state in self.states.items():
            engine.write_state(state)
            right = predict(engine, self.examined.features)
            found[name] = percent_right(right, self.examined.labels)
        return {"speaker": self.speaker, **found}
