# SPDX-License-Identifier: Apache-2.0
"""What a federation brought to users who are told by codewords."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from myna.evaluation.engine import HOST, CoreEngine, Engine
from myna.federated.client import Client
from myna.federated.federation import Federation
from myna.federated.users import NOBODY, Users
from myna.federated.verification import Scores, Verifier, output_of
from myna.federated.verification_figures import figures, rates
from myna.ir import Tensor
from myna.learn.examples import Progress
from myna.names import SEED
from myna.sessions.learning import scalar
from myna.sessions.user import RECIPE

Mean = dict[str, float | None]
# Of words alone: one learner has no codeword for several users, and who has not the user's codeword
# knows no loss, by which to tell who took part.
MEANINGLESS = (
    *("centralized", "known"),
    *("membership_auc", "membership_auc_loss", "membership_auc_before"),
)
EXAMINED = ("before", "after", "local_only", "personalized")


def measure_users(
    federation: Federation, users: Users, start: bytes, state: bytes, progress: Progress
) -> dict[str, Any]:
    """How well users are told from impostors, whose codewords are known here.

    Args:
        federation: which ended.
        users: its clients, and what is examined.
        start: the state block before its first round.
        state: the state block after its last round.
        progress: called with exams (done, total).

    Returns:
        the fields of `verification_figures.figures`, of the last state; `EXAMINED`, equal error
        rates with unseen impostors in percent, with half their intervals, None where no codeword is
        known; None by the names `MEANINGLESS`.
    """
    told = [client for client in federation.cohort.clients if client.codeword is not None]
    output = output_of(federation.program)
    found: dict[str, Any] = dict.fromkeys((*MEANINGLESS, *EXAMINED))
    found |= {"code_length": output.size, "unseen_speakers": users.unseen}
    if not told:
        return found
    users, seed = users.first([client.number for client in told]), federation.order.seed
    codewords = np.array([client.codeword for client in told])
    project = federation.project
    engine = CoreEngine(project.library(), project.package)
    verifier, unseen = Verifier(engine, output, codewords), users.owner == NOBODY
    engine.write_state(start)
    before = verifier.scores(users.examined)
    engine.write_state(state)
    found |= figures(users, verifier, {}, seed)
    states = {"local_only": start, "personalized": state}
    exams = [Enrollment(client, states, users.examined, output, seed) for client in told]
    enrolled = federation.examine(exams, HOST, progress)
    own = {name: np.array([one[name] for one in enrolled]) for name in states}
    means = {name: _mean(rates(users, scores, unseen, seed)) for name, scores in own.items()}
    means["before"] = _mean(rates(users, before, unseen, seed))
    return found | means | {"after": _mean(found["unseen"])}


def _mean(found: dict[str, Any]) -> Mean:
    low, high = found["eer_ci95"]
    return {"mean": found["eer"], "ci95": (high - low) / 2}


@dataclass(frozen=True)
class Enrollment:
    """A user enrolls alone, as `sessions.user` has a board do it, from each of some states.

    Attributes:
        client: who.
        states: by name.
        examined: int8 [takes, frames, bands].
        output: what the network makes.
        seed: of everything random.
    """

    client: Client
    states: dict[str, bytes]
    examined: npt.NDArray[np.int8]
    output: Tensor
    seed: int

    def __call__(self, engine: Engine) -> dict[str, Any]:
        """See `evaluation.protocol.Exam`."""
        assert isinstance(engine, CoreEngine)
        assert self.client.codeword is not None
        found: dict[str, Any] = {"speaker": self.client.speaker}
        for name, state in self.states.items():
            engine.write_state(state)
            engine.set_state(SEED, scalar(self.seed))
            engine.set_codeword(self.client.codeword)
            engine.learn(self.client.takes, RECIPE)
            found[name] = self._scores(engine)
        return found

    def _scores(self, engine: CoreEngine) -> Scores:
        assert self.client.codeword is not None
        verifier = Verifier(engine, self.output, self.client.codeword[None])
        return np.asarray(verifier.scores(self.examined)[0])
