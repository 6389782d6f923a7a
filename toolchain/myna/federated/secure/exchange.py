# SPDX-License-Identifier: Apache-2.0
"""The messages of one round of a secure sum, as the server sends and counts them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from myna.federated.flower import ConfigRecord, Grid, Message, RecordDict
from myna.federated.privacy.terms import quorum
from myna.federated.secure.client_app import PARCELS, TERMS, to_parcels, to_record
from myna.federated.secure.errors import SecureSumError
from myna.federated.secure.protocol import Parcels
from myna.federated.server_app import split

TIMEOUT_S = 3600  # for the answers to a message, as Flower's strategies have it


class Exchange:
    """Who still takes part in a round, and why others do not.

    Attributes:
        nodes: all that were asked.
        threshold: how many must stay: more than half.
        lost: by node, why it takes no part any more.
        sent, received: bytes of parcels, by node.
    """

    def __init__(self, grid: Grid, nodes: Sequence[int]) -> None:
        self._grid = grid
        self.nodes, self.threshold = nodes, quorum(len(nodes))
        self.lost: dict[int, str] = {}
        self.sent, self.received = dict.fromkeys(nodes, 0), dict.fromkeys(nodes, 0)

    def ask(
        self,
        stage: str,
        parcels: Mapping[int, Parcels],
        terms: Mapping[str, int | list[str]],
        about: Collection[int] = (),
    ) -> dict[int, Parcels]:
        """What nodes answer to parcels, by node.

        Args:
            stage: type of the messages.
            parcels: by node, what it is sent.
            terms: the same for all.
            about: nodes of which each sends a parcel; of itself where there are none.

        Raises:
            SecureSumError: too few answer.
        """
        messages = []
        for node, own in parcels.items():
            self.sent[node] += _size(own)
            record = RecordDict({PARCELS: to_record(own), TERMS: ConfigRecord({**terms})})
            messages.append(Message(record, message_type=stage, dst_node_id=node))
        return {node: to_parcels(content) for node, content in self.send(messages, about).items()}

    def send(
        self, messages: Iterable[Message], about: Collection[int] = ()
    ) -> dict[int, RecordDict]:
        """What those answer to messages who do, by node; see `ask`.

        Raises:
            SecureSumError: they are too few.
        """
        replied, lost = split(self._grid.send_and_receive(messages, timeout=TIMEOUT_S))
        for node, content in [*replied.items()]:
            parcels = to_parcels(content)
            self.received[node] += _size(parcels)
            if parcels.keys() != set(about or (node,)):
                lost[node] = "sent other parcels than it was asked for"
                del replied[node]
        self.lost |= lost
        if len(replied) < self.threshold:
            raise SecureSumError(
                f"{len(replied)} of {len(self.nodes)} clients are left, {self.threshold} needed",
                where="secure sum",
            )
        return replied


def _size(parcels: Parcels) -> int:
    return sum(map(len, parcels.values()))
