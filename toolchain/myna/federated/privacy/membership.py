# SPDX-License-Identifier: Apache-2.0
"""Whether a model tells who took part: two membership inference attacks, by loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from myna.evaluation.engine import HOST, Engine
from myna.evaluation.evaluate import mean_with_ci
from myna.federated.federation import Federation
from myna.learn.examples import Examples, Progress

Losses = npt.NDArray[np.float64]


def membership(
    federation: Federation, start: bytes, state: bytes, progress: Progress
) -> dict[str, Any]:
    """How well attacks tell takes of clients from takes of unseen speakers, who say the same words.

    Who attacks has a take with its label, and guesses that it was learned if its loss is small
    (Yeom et al., "Privacy Risk in Machine Learning", 2018), or if its loss fell by much from the
    model before the first round. The area under the ROC curve says how well: 0.5 is chance.

    Args:
        federation: which ended.
        start: the state block before its first round.
        state: the state block after its last round.
        progress: called with exams (done, total).

    Returns:
        mean and interval over clients, of each client's takes against those of all unseen ones:
        `membership_auc` of the fall, `membership_auc_loss` of the loss, and
        `membership_auc_before` of the loss before anybody learned, which is what chance gives
        these speakers.
    """
    cohort, program = federation.cohort, federation.program
    scale = program.graph.tensors[program.graph.outputs[0]].scale
    takes = [(client.speaker, client.takes) for client in cohort.clients]
    unseen = [(task.speaker, task.enrolled.join(task.examined)) for task in cohort.unseen]
    states = {"start": start, "state": state}
    exams = [Exposure(speaker, some, states, scale) for speaker, some in [*takes, *unseen]]
    found = federation.examine(exams, HOST, progress)
    scores = [
        {
            "membership_auc": one["start"] - one["state"],
            "membership_auc_loss": -one["state"],
            "membership_auc_before": -one["start"],
        }
        for one in found
    ]
    members, others = scores[: len(takes)], scores[len(takes) :]
    return {name: _against(name, members, others) for name in scores[0]}


@dataclass(frozen=True)
class Exposure:
    """The losses of a speaker's takes.

    Attributes:
        speaker: who.
        takes: with their labels.
        states: by name.
        scale: of logits.
    """

    speaker: str
    takes: Examples
    states: Mapping[str, bytes]
    scale: float

    def __call__(self, engine: Engine) -> dict[str, Any]:
        """See `evaluation.protocol.Exam`."""
        found: dict[str, Any] = {"speaker": self.speaker}
        for name, state in self.states.items():
            engine.write_state(state)
            found[name] = losses(engine.infer(self.takes.features) * self.scale, self.takes.labels)
        return found


def losses(logits: npt.NDArray[np.floating], labels: npt.NDArray[np.int64]) -> Losses:
    """Cross-entropy of each example, float64 [n], of real logits [n, classes]."""
    highest = logits.max(axis=1)
    total = np.log(np.exp(logits - highest[:, None]).sum(axis=1)) + highest
    return np.asarray(total - logits[np.arange(len(labels)), labels])


def auc(members: Losses, others: Losses) -> float:
    """The probability that a member's score is above another's, ties counting half."""
    order = np.sort(others)
    below = np.searchsorted(order, members, "left") + np.searchsorted(order, members, "right")
    return float(below.mean() / (2 * len(others)))


def _against(
    name: str, members: Sequence[Mapping[str, Losses]], others: Sequence[Mapping[str, Losses]]
) -> dict[str, float | None]:
    pool = np.concatenate([one[name] for one in others])
    return mean_with_ci([auc(one[name], pool) for one in members])
