# SPDX-License-Identifier: Apache-2.0
"""FedAvg in integers that learns only the sum of updates: the server's side of a secure sum."""

from __future__ import annotations

from collections.abc import Iterable

from myna.errors import MynaError
from myna.federated.aggregate import Total
from myna.federated.flower import (
    ArrayRecord,
    ConfigRecord,
    Grid,
    Message,
    MetricRecord,
    RecordDict,
)
from myna.federated.secure.client_app import (
    CLIENT,
    DOWN,
    KEYS,
    MASKED,
    NODES,
    REVEAL,
    SECONDS,
    SHARES,
    TERMS,
    THRESHOLD,
    to_parcels,
)
from myna.federated.secure.errors import SecureSumError
from myna.federated.secure.exchange import Exchange
from myna.federated.secure.keys import Advert
from myna.federated.secure.masks import TAKES_MAX, sum_ring
from myna.federated.secure.protocol import unmask
from myna.federated.server_app import IntegerFedAvg
from myna.federated.site import Update

GIVEN_UP = "round given up: "


class SecureFedAvg(IntegerFedAvg):
    """`IntegerFedAvg` whose updates arrive masked; the same state, to the bit.

    More than half of the clients asked must stay until the end, else the round changes nothing.
    """

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """None: what `IntegerFedAvg` would send is sent in `aggregate_train`, after the keys.

        Raises:
            MynaError: a sum of so many, or of one, cannot be kept secret.
        """
        messages = [*super().configure_train(server_round, arrays, config, grid)]
        self._messages = {message.metadata.dst_node_id: message for message in messages}
        for message in messages:
            message.metadata.message_type = MASKED
        count, most = len(self._messages), self._order.most
        if count < 2 or count * most >= TAKES_MAX:
            raise MynaError(
                f"of {count} clients with {most} takes each no secret sum can be made",
                where="secure sum",
                fix=f"ask two clients or more, who have fewer than {TAKES_MAX} takes in all",
            )
        self._exchange = Exchange(grid, [*self._messages])
        return []

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """The next state, of the sum of those who answered; the old one where they are too few.

        Raises:
            MynaError: all failed, and not at random; or the grid failed.
        """
        exchange = self._exchange
        total, given_up = None, {}
        updates: dict[int, Update] = {}
        try:
            total, updates = self._sum()
        except SecureSumError as error:
            if len(exchange.lost) == len(exchange.nodes):
                self._require_some(exchange.lost)
            given_up = dict.fromkeys(exchange.nodes, f"{GIVEN_UP}{error.where}: {error.what}")
        reasons = given_up | exchange.lost
        dropouts = {node: why for node, why in reasons.items() if node not in updates}
        return self._end(updates, dropouts, total)

    def _sum(self) -> tuple[Total, dict[int, Update]]:
        """The sum of what clients learned and, by node, what they sent."""
        exchange, ring = self._exchange, sum_ring(self._task.program)
        announced = exchange.ask(KEYS, {node: {} for node in exchange.nodes}, {})
        adverts = {node: parcels[node] for node, parcels in announced.items()}
        known = {node: Advert.of(data) for node, data in adverts.items()}
        terms = {THRESHOLD: exchange.threshold}
        shares = exchange.ask(SHARES, dict.fromkeys(adverts, adverts), terms, adverts)
        for node in shares:
            self._messages[node].content[TERMS] = ConfigRecord({NODES: _names(shares)})
        answers = exchange.send(self._messages[node] for node in shares)
        masked = {node: to_parcels(content)[node] for node, content in answers.items()}
        sealed = {node: {sender: own[node] for sender, own in shares.items()} for node in masked}
        revealed = exchange.ask(REVEAL, sealed, {NODES: _names(masked)}, shares)
        residues = unmask(ring, known, shares, masked, revealed, exchange.threshold)
        summed = ring.signed(residues)
        updates = {node: self._update(node, content) for node, content in answers.items()}
        return Total(int(summed[-1]), summed[:-1]), updates

    def _update(self, node: int, content: RecordDict) -> Update:
        """What the server knows of a client's update."""
        data, terms = to_parcels(content)[node], content.config_records[TERMS]
        client, seconds, down = terms[CLIENT], terms[SECONDS], terms[DOWN]
        assert isinstance(client, int)
        assert isinstance(seconds, float)
        assert isinstance(down, int)
        sent, received = self._exchange.sent[node], self._exchange.received[node]
        return Update(data, client, 0, None, 0, seconds, down + sent, received)


def _names(nodes: Iterable[int]) -> list[str]:
    return [str(node) for node in nodes]
