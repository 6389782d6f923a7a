# SPDX-License-Identifier: Apache-2.0
"""Networks that verify users, trained together or centrally in integers, and what they score.

Source: Hosseini et al., "Federated Learning of User Verification Models Without Sharing
Embeddings" (ICML 2021); the baseline is a softmax over the users, whose rows they share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from myna.errors import MynaError
from myna.evaluation.engine import CoreEngine, Engine
from myna.federated.aggregate import Contribution, aggregate
from myna.federated.client import Client, Order, learn
from myna.federated.codebook import codewords
from myna.federated.strategies import STRATEGIES, Strategy
from myna.federated.users import User, Users
from myna.ir import Tensor
from myna.learn.examples import Progress
from myna.learn.vector import to_vector
from myna.ops.codeword import CodewordCorrelation
from myna.package.verifier import make_verifier
from myna.passes.memory.plan import Program
from myna.passes.pipeline import Options
from myna.project import Project, open_project

Scores = npt.NDArray[np.float64]
HEAD = Options(train="head")
STEPS = 10  # of a user in a round, about
ASKED = 30  # users in a round, at most
ROUNDS = 30  # for each user


@dataclass(frozen=True)
class Plan:
    """How a network is trained.

    Attributes:
        rate: learning rate of the first round.
        share: of the sum of users' updates that the server follows: they hardly overlap, and a mean
            would divide each by all.
        seed: of everything random.
    """

    rate: float
    share: Fraction
    seed: int

    def order(self, shots: int) -> Order:
        """What a round asks of a user with so many takes.

        Several are learned as they are: varied ones verified worse, see docs/federated.md.
        """
        epochs = max(STEPS // shots, 1)
        return Order(0, self.seed, shots, 0.0, self.rate, epochs, 0, vary=shots == 1)

    def strategy(self, users: int, asked: int = ASKED, name: str = "fedavg") -> Strategy:
        """Whom a round asks of so many users, and how far the server goes beyond their mean.

        The rate follows those asked, not those who answer: where some drop out, all learn as much.

        Raises:
            MynaError: the strategy of that name means nothing without classes.
        """
        like = STRATEGIES[name]
        if like.private_head or like.asked is not None:
            raise MynaError(
                f"strategy {name} is of words alone",
                where="model that tells its user",
                fix="use fedavg, or fedprox",
            )
        return replace(like, asked=asked, rate=self.share * min(users, asked))

    def rounds(self, users: int) -> int:
        """As many for each user, whatever their number."""
        return -(-ROUNDS * users // min(users, ASKED))


# Chosen on speakers that are not reported, see docs/federated.md.
CODEWORDS = Plan(3.0, Fraction(1, 8), 1)
SOFTMAX = Plan(0.03, Fraction(1, 4), 1)
CENTRAL = Plan(0.02, Fraction(1), 1)


@dataclass(frozen=True)
class Verifier:
    """A trained network, and how it scores.

    Attributes:
        engine: with the state that training reached.
        output: what it makes, one logit for each user where there are no
        codewords: of the users, int8 [users, length].
    """

    engine: CoreEngine
    output: Tensor
    codewords: npt.NDArray[np.int8] | None = None

    def scores(self, features: npt.NDArray[np.int8]) -> Scores:
        """How much each take sounds like each user: [users, takes]."""
        found = self.engine.outputs(features)
        if self.codewords is None:
            return _log_shares(found.astype(np.float64) * self.output.scale).T
        op = CodewordCorrelation(self.output.zero_point)
        return np.array([[op.reference(z, v)[0][0] for z in found] for v in self.codewords], float)


def federate_codewords(
    source: Path, folder: Path, users: Users, length: int, plan: Plan, progress: Progress
) -> Verifier:
    """FedUV: each user has a codeword, and nobody sees it or an embedding.

    Args:
        source: folder of the model whose first layers are kept.
        folder: of the new model.
        users: who learns.
        length: of a codeword.
        plan: how.
        progress: called with rounds (done, total).

    Raises:
        MynaError: there is no such code, or the model cannot be made.
    """
    words = codewords(length, len(users.seen), plan.seed)
    make_verifier(source, folder, length)
    engine, project = _open(folder)
    _together(engine, project.program, users.clients(words), plan, progress)
    return Verifier(engine, output_of(project.program), words)


def federate_softmax(
    source: Path, folder: Path, users: Users, plan: Plan, progress: Progress
) -> Verifier:
    """The baseline: one class a user; all users' rows go round among them."""
    engine, project = _softmax(source, folder, users.seen)
    clients = [Client(n, user.speaker, user.enrolled) for n, user in enumerate(users.seen)]
    _together(engine, project.program, clients, plan, progress)
    return Verifier(engine, output_of(project.program))


def centralize_softmax(
    source: Path, folder: Path, users: Users, plan: Plan, progress: Progress
) -> Verifier:
    """One learner has the takes of all users, and takes as many steps with each."""
    engine, project = _softmax(source, folder, users.seen)
    every = users.seen[0].enrolled
    for user in users.seen[1:]:
        every = every.join(user.enrolled)
    shots = max(len(user.enrolled) for user in users.seen)
    order = replace(plan.order(shots), most=len(every))
    for number in range(1, ROUNDS + 1):
        order = replace(order, server_round=number)
        learn(engine, Client(0, "", every), order)
        progress(number, ROUNDS)
    return Verifier(engine, output_of(project.program))


def _together(
    engine: Engine, program: Program, clients: Sequence[Client], plan: Plan, progress: Progress
) -> None:
    """Rounds of a federation on one engine, which ends with the server's state."""
    state = engine.read_state()
    order = plan.order(max(len(client.takes) for client in clients))
    strategy, rounds = plan.strategy(len(clients)), plan.rounds(len(clients))
    for number in range(1, rounds + 1):
        order = replace(order, server_round=number)
        before, contributions = to_vector(program, state), []
        for index in strategy.sample(range(len(clients)), order):
            engine.write_state(state)
            learned = learn(engine, clients[index], order)
            update = to_vector(program, engine.read_state()) - before
            contributions.append(Contribution(index, learned.takes, update))
        state = aggregate(program, state, contributions, strategy.rate)
        progress(number, rounds)
    engine.write_state(state)


def _softmax(source: Path, folder: Path, users: Sequence[User]) -> tuple[CoreEngine, Project]:
    labels = [f"user_{number}" for number in range(len(users))]
    make_verifier(source, folder, len(users), labels)
    return _open(folder)


def _open(folder: Path) -> tuple[CoreEngine, Project]:
    project = open_project(folder, HEAD)
    return CoreEngine(project.library(), project.package), project


def output_of(program: Program) -> Tensor:
    """What a program makes of a take."""
    return program.graph.tensors[program.graph.outputs[0]]


def _log_shares(logits: Scores) -> Scores:
    """Logarithm of the softmax over the last axis."""
    shifted = logits - logits.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))
