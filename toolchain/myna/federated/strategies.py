# SPDX-License-Identifier: Apache-2.0
"""Whom the server asks in a round, and how far it follows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from myna import fixed
from myna.errors import MynaError
from myna.federated.client import Order
from myna.learn.vector import trained_weights
from myna.passes.memory.plan import Program
from myna.passes.training.imprint import has_head

TAG_SAMPLE = 0x464C534D  # "FLSM": no tensor draws with this tag


@dataclass(frozen=True)
class Strategy:
    """How a federation learns.

    Attributes:
        asked: clients asked in a round; None asks all.
        rate: the server's: how far it goes towards the mean of the clients, or beyond.
        proximal: how far each epoch of a client but the last goes back towards the server's model,
            see `learn.recipe.Recipe`.
        private_head: whether clients share the body alone, and keep what belongs to classes.
    """

    asked: int | None = None
    rate: Fraction = Fraction(1)
    proximal: float = 0.0
    private_head: bool = False

    def order(self, order: Order, program: Program) -> Order:
        """What clients are asked for by this strategy.

        Raises:
            MynaError: nothing would be shared.
        """
        if self.private_head and not has_head(program.graph):
            raise MynaError(
                "no dense layer makes its logits, so no head could stay private",
                where=f"model {program.graph.name}",
                fix="choose another --strategy",
            )
        asked = replace(order, proximal=round(256 * self.proximal), private_head=self.private_head)
        if not trained_weights(program, asked.private(program)):
            raise MynaError(
                "all that is trained belongs to classes, so nothing would be shared",
                where=f"model {program.graph.name}",
                fix="train the body too, with --train all",
            )
        return asked

    def adapted(self, asked: int | None, clients: int, proximal: float | None) -> Strategy:
        """This one, but for what is given.

        Raises:
            MynaError: none is asked in a round, or more than there are.
        """
        if asked is not None and not 1 <= asked <= clients:
            raise MynaError(
                f"{asked} clients cannot be asked in a round: there are {clients}",
                fix=f"use --sample {clients}, or none to ask all",
            )
        own = self.proximal if proximal is None else proximal
        return replace(self, asked=asked or self.asked, proximal=own)

    def count(self, nodes: int) -> int:
        """How many of so many nodes are asked in a round."""
        return nodes if self.asked is None else min(self.asked, nodes)

    def sample(self, nodes: Sequence[int], order: Order) -> list[int]:
        """The nodes that are asked in a round, in their order."""
        count = len(nodes)
        if self.asked is None or self.asked >= count:
            return list(nodes)
        key = fixed.key(order.seed, order.server_round, TAG_SAMPLE)
        moved: dict[
            int, int
        ] = {}  # Fisher and Yates as far as needed, however many nodes there are
        chosen = []
        for i in range(self.asked):
            j = i + ((int(fixed.random32(key, i)) * (count - i)) >> 32)
            chosen.append(nodes[moved.get(j, j)])
            moved[j] = moved.get(i, i)
        return sorted(chosen)


STRATEGIES: Mapping[str, Strategy] = {
    # McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized Data"
    "fedavg": Strategy(),
    # Li et al., "Federated Optimization in Heterogeneous Networks"; their term of the loss as a
    # step back between epochs
    "fedprox": Strategy(proximal=0.25),
    # Arivazhagan et al., "Federated Learning with Personalization Layers", 2019
    "fedper": Strategy(private_head=True),
    # Nichol et al., "On First-Order Meta-Learning Algorithms": one client at a time
    "reptile": Strategy(asked=1, rate=Fraction(1, 4)),
}
