# SPDX-License-Identifier: Apache-2.0
"""Whom the server asks in a round, and how far it follows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from myna import fixed
from myna.federated.client import Order

TAG_SAMPLE = 0x464C534D  # "FLSM": no tensor draws with this tag


@dataclass(frozen=True)
class Strategy:
    """How a federation learns.

    Attributes:
        asked: clients asked in a round; None asks all.
        rate: the server's: how far it goes towards the mean of the clients, or beyond.
    """

    asked: int | None = None
    rate: Fraction = Fraction(1)

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
    # Nichol et al., "On First-Order Meta-Learning Algorithms": one client at a time
    "reptile": Strategy(asked=1, rate=Fraction(1, 4)),
}
