# SPDX-License-Identifier: Apache-2.0
"""Clients behind Flower's grid: each SuperNode serves several, and is sent one message for all.

A message, and each reply, costs a process and seconds (Flower starts its apps anew for each), so
what the server says to the clients of one SuperNode travels as one record, whose parts are named
``CLIENT/PART``.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from myna.errors import MynaError
from myna.federated.flower import ConfigRecord, Error, Grid, Message, MessageType, RecordDict

CLIENTS, NUMBERS, MODEL = "clients", "numbers", "model"
ERROR, REASON = "error", "reason"
POLL_S = 3.0  # as often as Flower's grid looks for replies
FAILED = "failed"
UNKNOWN = 0  # Flower's code of an error that is none of its own


Answer = RecordDict | Error  # of a client: content, or why there is none


class FleetGrid:
    """What strategies use of a grid: nodes 1 … n, which are the clients 0 … n - 1."""

    def __init__(self, grid: Grid, model: str, clients: int, wait: float, patience: float) -> None:
        """A grid of clients.

        Args:
            grid: of the SuperNodes.
            model: fingerprint of what they must run.
            clients: how many may be served.
            wait: seconds, for clients to come.
            patience: seconds, for answers to a message; who is slower is left out of the round.
        """
        self._grid, self._model, self._wait, self._patience = grid, model, wait, patience
        self._nodes: dict[int, int] = {}  # of each client
        self._known: set[int] = set()
        self._wanted = {*range(clients)}
        self._reasons: dict[int, str] = {}  # why a SuperNode serves nobody

    def expect_all(self) -> None:
        """Wait until all clients are there.

        Raises:
            MynaError: they do not come, or two SuperNodes serve the same client.
        """
        self._await(lambda: self._wanted.issubset(self._nodes))

    def get_node_ids(self) -> Iterable[int]:
        """The numbers of the clients that are there, each plus one; waits while there is none.

        Raises:
            MynaError: none comes, or two SuperNodes serve the same client.
        """
        self._await(lambda: bool(self._nodes))
        return [client + 1 for client in sorted(self._nodes)]

    def _await(self, enough: Callable[[], bool]) -> None:
        end = time.monotonic() + self._wait
        self._look()
        while not enough():
            if time.monotonic() >= end:
                there = ", ".join(map(str, sorted(self._nodes))) or "none"
                says = "; ".join(self._reasons.values()) or "no other SuperNode has come"
                raise MynaError(
                    f"too few clients are there after {self._wait:g} s: {there}; {says}",
                    where="federation",
                    fix="start their SuperNodes; `flwr supernode list` shows those that are there",
                )
            time.sleep(POLL_S)
            self._look()

    def _look(self) -> None:
        """Which clients are there now."""
        there = {*self._grid.get_node_ids()}
        self._nodes = {client: node for client, node in self._nodes.items() if node in there}
        self._known &= there
        self._ask(sorted(there - self._known))

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """A reply to each message, in their order; an error where there is none.

        Args:
            messages: to clients.
            timeout: that Flower's strategies have; the grid's patience counts instead.
        """
        asked = {message.metadata.dst_node_id - 1: message for message in messages}
        by_node: defaultdict[int, list[int]] = defaultdict(list)
        for client in asked:
            by_node[self._nodes[client]].append(client)
        packed = [
            Message(
                pack({client: asked[client].content for client in clients}),
                dst_node_id=node,
                message_type=asked[clients[0]].metadata.message_type,
            )
            for node, clients in by_node.items()
        ]
        found: dict[int, Answer] = {}
        for reply in self._grid.send_and_receive(packed, timeout=self._patience):
            served = by_node[reply.metadata.src_node_id]
            if reply.has_error():
                found |= dict.fromkeys(served, reply.error)
            else:
                found |= {c: a for c, a in unpack(reply.content).items() if c in served}
        silent = Error(UNKNOWN, "did not answer in time")
        return [
            Message(found.get(client, silent), reply_to=message)
            for client, message in asked.items()
        ]

    def _ask(self, nodes: list[int]) -> None:
        """Which clients these SuperNodes serve."""
        query = (Message(RecordDict(), node, MessageType.QUERY) for node in nodes)
        replies = self._grid.send_and_receive([*query], timeout=60.0) if nodes else ()
        for reply in replies:
            node = reply.metadata.src_node_id
            if reply.has_error():
                self._reasons[node] = reply.error.reason or FAILED
                continue
            self._known.add(node)
            served = reply.content.config_records[CLIENTS]
            if (model := str(served[MODEL])) != self._model:
                self._reasons[node] = f"a SuperNode runs {model}, not {self._model}"
                continue
            self._reasons.pop(node, None)
            self._admit(node, served[NUMBERS])

    def _admit(self, node: int, clients: object) -> None:
        assert isinstance(clients, list)
        if surplus := {*clients} - self._wanted:
            self._reasons[node] = (
                f"a SuperNode serves client {min(surplus)}, of 0 to {len(self._wanted) - 1}"
            )
            return
        if both := sorted(client for client in clients if client in self._nodes):
            raise MynaError(
                f"two SuperNodes serve client {both[0]}",
                where="federation",
                fix="give each client a number of its own in the files of its sites",
            )
        self._nodes |= dict.fromkeys(clients, node)


def pack(contents: Mapping[int, RecordDict]) -> RecordDict:
    """One record of what goes to several clients, or comes from them."""
    parts = {
        f"{client}/{name}": part
        for client, content in contents.items()
        for name, part in content.items()
    }
    return RecordDict(parts)


def unpack(record: RecordDict) -> dict[int, Answer]:
    """What each client says; what is of no client is left out."""
    contents: defaultdict[int, RecordDict] = defaultdict(RecordDict)
    for key, part in record.items():
        client, _, name = key.partition("/")
        if client.isdecimal():
            contents[int(client)][name] = part
    return {client: _answer(content) for client, content in contents.items()}


def to_content(reply: Message) -> RecordDict:
    """What a client's reply says, an error too, as content that can be packed."""
    if not reply.has_error():
        return reply.content
    return RecordDict({ERROR: ConfigRecord({REASON: reply.error.reason or FAILED})})


def _answer(content: RecordDict) -> Answer:
    if (found := content.config_records.get(ERROR)) is None:
        return content
    return Error(UNKNOWN, str(found.get(REASON, FAILED)))
