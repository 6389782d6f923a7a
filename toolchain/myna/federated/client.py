# SPDX-License-Identifier: Apache-2.0
"""One client: an engine, the takes of one speaker, and how they are learned in a round."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from myna import fixed
from myna.errors import MynaError
from myna.evaluation.engine import Engine, predict
from myna.evaluation.evaluate import percent_right
from myna.ir import Array
from myna.learn.examples import Examples
from myna.learn.recipe import Recipe
from myna.learn.schedule import shuffle
from myna.learn.vector import head_tensors
from myna.names import SEED
from myna.passes.memory.plan import Program
from myna.sessions.learning import scalar

TAG_CLIENT = 0x464C434C  # "FLCL": no tensor draws with these tags
TAG_DROPOUT = 0x464C4450  # "FLDP"
HIGHEST_RATE = 64  # boards hold no rate of very much more
LOSSLESS = 24.0  # bits a weight, more than any needs
DROPPED = "dropped out at random"


@dataclass(frozen=True)
class Client:
    """A speaker who takes part.

    Attributes:
        number: counted from 0.
        speaker: who.
        takes: what is learned, which nobody else sees.
        codeword: int8 [outputs] of -1 and 1, which nobody else knows; None where classes are told,
            or where
        draws: the board that serves this client alone draws it, and tells nobody.
    """

    number: int
    speaker: str
    takes: Examples
    codeword: Array | None = None
    draws: bool = False

    @property
    def is_secret(self) -> bool:
        """Whether what its takes are to be told by is a secret, and no class."""
        return self.draws or self.codeword is not None

    @property
    def digest(self) -> str:
        """CRC-32 of the takes."""
        labels = self.takes.labels.astype("<i8").tobytes()
        return f"{zlib.crc32(labels, zlib.crc32(self.takes.features.tobytes())):08x}"


@dataclass(frozen=True)
class Order:
    """What the server asks of every client in a round, beside the state to begin with.

    Attributes:
        server_round: counted from 1.
        seed: of the federation.
        most: takes that a client learns in a round, drawn anew each time.
        dropout: probability that a client fails, for tests of the federation.
        rate: learning rate of the first round, at most `HIGHEST_RATE`, see `learn.recipe.Recipe`.
        epochs, rehearsals: see there.
        bits: of an update for each trained weight.
        evidence: whether clients say with which state they began, so that a round can be replayed.
        clip: norm to which an update is clipped, see `privacy.terms.protect`; 0 for any.
        noise: deviation of the noise that a client adds; 0 for none.
        proximal: see `learn.recipe.Recipe`.
        vary: whether takes are varied, see `learn.recipe.Recipe`.
        private_head: whether what belongs to classes stays with the client.
    """

    server_round: int
    seed: int
    most: int
    dropout: float
    rate: float
    epochs: int
    rehearsals: int
    bits: float = LOSSLESS
    evidence: bool = False
    clip: int = 0
    noise: int = 0
    proximal: int = 0
    vary: bool = True
    private_head: bool = False

    def __post_init__(self) -> None:
        """Raise a MynaError if nobody could learn at this rate."""
        if not 0 < self.rate <= HIGHEST_RATE:
            raise MynaError(
                f"a learning rate of {self.rate:g} is not above 0 and at most {HIGHEST_RATE}",
                where="federation",
                fix="set a rate near 1",
            )

    def to_config(self) -> dict[str, int | float]:
        """As a message carries it."""
        return asdict(self)

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """What a message carries.

        Raises:
            MynaError: it lacks something.
        """
        try:
            return cls(**{name: config[name] for name in cls.__dataclass_fields__})
        except KeyError as error:
            raise MynaError(
                f"the message lacks {error}",
                where="federation",
                fix="let clients run the same version of Myna as the server",
            ) from error

    def private(self, program: Program) -> frozenset[str]:
        """The tensors that stay with the client."""
        return head_tensors(program) if self.private_head else frozenset()

    @property
    def recipe(self) -> Recipe:
        """How to learn: so many epochs, whatever the loss.

        The rate falls with the square root of the round: with one that stays, the mean of clients
        that differ stays away from the optimum (Li et al., "On the Convergence of FedAvg on
        Non-IID Data", ICLR 2020).
        """
        rate = self.rate / math.sqrt(self.server_round)
        return Recipe(
            rate, self.epochs, 0.0, self.rehearsals, vary=self.vary, proximal=self.proximal
        )

    def seed_of(self, client: int) -> int:
        """The seed of a client in this round, uint31: no two share their random numbers."""
        key = fixed.key(self.seed, self.server_round, TAG_CLIENT)
        return fixed.key(key, client, TAG_CLIENT) >> 1

    def drawn(self, client: Client) -> Examples:
        """The takes that a client learns in this round, in their order."""
        count = len(client.takes)
        if count <= self.most:
            return client.takes
        order = shuffle(range(count), self.seed_of(client.number), 0)
        return client.takes.take(sorted(order[: self.most]))

    def drops(self, client: int) -> bool:
        """Whether a client fails at random."""
        key = fixed.key(self.seed, self.server_round, TAG_DROPOUT)
        return fixed.random32(key, client) < self.dropout * 2**32


@dataclass(frozen=True)
class Learned:
    """What came of a round at one client.

    Attributes:
        takes: learned.
        accuracy: of the state that it began with on these takes, in percent; None without classes.
        seconds: it took.
    """

    takes: int
    accuracy: float | None
    seconds: float


def learn(engine: Engine, client: Client, order: Order) -> Learned:
    """Let an engine learn a client's takes in a round, from the state that it has.

    Raises:
        MynaError: the engine failed.
    """
    begun, takes = time.monotonic(), order.drawn(client)
    engine.set_state(SEED, scalar(order.seed_of(client.number)))
    if client.draws:
        engine.draw_codeword()
    elif client.codeword is not None:
        engine.set_codeword(client.codeword)
    accuracy = None
    if not client.is_secret:
        accuracy = percent_right(predict(engine, takes.features), takes.labels)
    engine.learn(takes, order.recipe)
    return Learned(len(takes), accuracy, time.monotonic() - begun)
