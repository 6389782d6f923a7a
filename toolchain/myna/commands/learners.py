# SPDX-License-Identifier: Apache-2.0
"""Who learns in ``myna federate``, and what they are asked for unless the user says otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from myna.audio.dataset import Heard
from myna.commands.evaluation_options import read, require_sound
from myna.device.ports import attach
from myna.errors import MynaError
from myna.evaluation.engine import EngineSpec
from myna.evaluation.protocol import Known
from myna.federated.board_users import users_of_boards
from myna.federated.client import Order
from myna.federated.cohort import Cohort, CohortRequest
from myna.federated.strategies import STRATEGIES, Strategy
from myna.federated.users import gather
from myna.federated.verification import ASKED, CODEWORDS
from myna.package.package import Package
from myna.passes.training.user import drawn_codewords

RATE, EPOCHS, REHEARSALS = 8.0, 2, 1  # of words


@dataclass(frozen=True)
class Asked:
    """What was asked for; None where the user did not say.

    Attributes:
        model: its folder.
        package: what is in it.
        data, base_data: recordings of the speakers, and of what the model knew.
        words: that are learned.
        clients: speakers who learn.
        shots: takes that an unseen speaker enrolls of each word; of users that each trains with.
        clips: that an engine stores.
        strategy: its name.
        sample: clients asked in a round.
        proximal, rate, epochs, rehearsals: see `client.Order`.
        audit: updates that are replayed.
        seed: of everything random.
    """

    model: Path
    package: Package
    data: Path
    base_data: Path | None
    words: tuple[str, ...] | None
    clients: int
    shots: int
    clips: int
    strategy: str
    sample: int | None
    proximal: float | None
    rate: float | None
    epochs: int | None
    rehearsals: int | None
    audit: int
    seed: int


Learners = tuple[Cohort, Strategy, Order]


def learners(asked: Asked, engines: Sequence[EngineSpec]) -> Learners:
    """Who learns on these engines, whom a round asks, and for what.

    Raises:
        MynaError: the model learns neither words nor its user, what is asked does not suit it, or
            a port is not there.
    """
    for spec in engines:
        if spec.port is not None:
            attach(spec.port)  # otherwise it is a dropout in every round
    package = asked.package
    if package.code is not None:
        cohort, strategy, order = _users(asked, engines)
    elif package.labels:
        cohort, strategy, order = _words(asked)
    else:
        raise MynaError(
            "knows no words that speakers could teach, and tells no user",
            where=f"model {package.model.model.name}",
            fix="use a model of words, or make one that tells its user: `myna verifier`",
        )
    order = replace(
        order,
        rate=asked.rate or order.rate,
        epochs=asked.epochs or order.epochs,
        rehearsals=order.rehearsals if asked.rehearsals is None else asked.rehearsals,
    )
    return cohort, strategy.adapted(asked.sample, asked.clients, asked.proximal), order


def _words(asked: Asked) -> Learners:
    cohort = CohortRequest(
        *(asked.package, Heard.load(asked.model), asked.data, asked.base_data, asked.words),
        *(asked.clients, asked.shots, partial(read, asked.model)),
    ).gather()
    order = Order(0, asked.seed, asked.clips, 0.0, RATE, EPOCHS, REHEARSALS)
    return cohort, STRATEGIES[asked.strategy], order


def _users(asked: Asked, engines: Sequence[EngineSpec]) -> Learners:
    """Each takes part with a codeword of his own, which his board draws if he has one."""
    _require_users(asked)
    plan = replace(CODEWORDS, seed=asked.seed)
    strategy = plan.strategy(asked.clients, asked.sample or ASKED, asked.strategy)
    require_sound(asked.model, asked.data)
    heard = Heard.load(asked.model).speakers
    reader = partial(read, asked.model)
    users = gather(asked.data, asked.shots, asked.clients, heard, asked.seed, reader)
    if len(users.seen) < asked.clients:
        raise MynaError(
            f"{len(users.seen)} speakers can learn, as many others are examined",
            where=str(asked.data),
            fix=f"use --clients {len(users.seen)}",
        )
    assert asked.package.code is not None
    codewords = drawn_codewords(asked.package.code, asked.clients, asked.seed)
    clients = users_of_boards(users.clients(codewords), engines)
    if asked.audit and any(client.draws for client in clients):
        raise MynaError(
            "what a board learned by a codeword of its own cannot be replayed",
            fix="leave out --audit, or name engines without ports",
        )
    cohort = Cohort({}, clients, (), Known(), users)
    return cohort, strategy, plan.order(asked.shots)


def _require_users(asked: Asked) -> None:
    given = {
        "--words": asked.words,
        "--base-data": asked.base_data,
        "--rehearsals": asked.rehearsals,
    }
    for option, value in given.items():
        if value is not None:
            raise MynaError(
                f"{option} is about words, and the model tells its user",
                where=f"model {asked.package.model.model.name}",
                fix="leave it out",
            )
