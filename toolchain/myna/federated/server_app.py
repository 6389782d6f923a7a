# SPDX-License-Identifier: Apache-2.0
"""The Flower ServerApp, and the strategy that it starts: FedAvg in integers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from myna.errors import MynaError
from myna.federated.aggregate import Contribution, Total, add, advance
from myna.federated.client import DROPPED, Order
from myna.federated.client_app import KEY
from myna.federated.flower import (
    ArrayRecord,
    ConfigRecord,
    Context,
    FedAvg,
    Grid,
    Message,
    MessageType,
    MetricRecord,
    RecordDict,
    ServerApp,
)
from myna.federated.privacy.terms import release
from myna.federated.records import BLOCKS, CONFIG, of_told, to_update
from myna.federated.site import Update
from myna.federated.strategies import Strategy
from myna.federated.telling import Teller
from myna.federated.updates import opened
from myna.passes.bounds import check_values
from myna.passes.memory.plan import Program


@dataclass(frozen=True)
class Round:
    """What came of a round.

    Attributes:
        server_round: counted from 1.
        state: the state block after it.
        takes: learned by those who answered.
        updates: of those who answered.
        base: what clients are told of it.
        difference: how they are told.
        dropouts: by node, why it did not.
        seconds: it took.
        noise_key: of the noise that the server added, by which it may be replayed.
    """

    server_round: int
    state: bytes
    base: bytes
    difference: bytes
    takes: int
    updates: Sequence[Update]
    dropouts: Mapping[int, str]
    seconds: float
    noise_key: bytes


@dataclass(frozen=True)
class Task:
    """What the server is to do.

    Attributes:
        program: of all clients.
        strategy: whom it asks, and how it averages.
        order: what it asks for; the round is filled in.
        done: rounds that were done before.
        rounds: to be done in all.
        state: the state block after those that were done.
        teller: what clients know of it.
        keep: is given every round as soon as it is done.
        noise: deviation of the noise that the server adds to the sum of updates; 0 for none.
    """

    program: Program
    strategy: Strategy
    order: Order
    done: int
    rounds: int
    state: bytes
    teller: Teller
    keep: Callable[[Round], None]
    noise: int = 0


class IntegerFedAvg(FedAvg):
    """FedAvg whose mean is taken in integers (`aggregate`), and the same for any order of replies.

    Flower's own returns float64 for integers.
    """

    def __init__(self, task: Task) -> None:
        super().__init__(fraction_evaluate=0.0)
        self._task, self._state = task, task.state
        self._order, self._began = task.order, 0.0

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """A message for each node that the strategy asks in this round."""
        task, self._began = self._task, time.monotonic()
        self._order = replace(task.order, server_round=task.done + server_round)
        there = sorted(grid.get_node_ids())
        task.teller.forget_absent(there)
        asked = task.strategy.sample(there, self._order)
        config = ConfigRecord({**self._order.to_config()})
        messages = []
        for node in asked:
            told = of_told(task.teller.tell(node, self._order.server_round))
            record = RecordDict({BLOCKS: told, CONFIG: config})
            message = Message(record, message_type=MessageType.TRAIN, dst_node_id=node)
            messages.append(message)
        return messages

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """The next state, of those who answered.

        Raises:
            MynaError: all failed, and not at random.
        """
        updates, contributions = {}, []
        replied, dropouts = split(replies)
        for node, content in replied.items():
            try:
                update, contribution = self._open(node, content)
            except MynaError as error:
                dropouts[node] = f"{error.where}: {error.what}"
                continue
            updates[node] = update
            contributions.append(contribution)
        if not updates:
            self._require_some(dropouts)
        total = add(self._task.program, contributions) if updates else None
        return self._end(updates, dropouts, total)

    def _open(self, node: int, content: RecordDict) -> tuple[Update, Contribution]:
        """What a reply carries.

        Raises:
            MynaError: its update is damaged, of another client, or weighs more than it may; or it
                lacks evidence.
        """
        update, order = to_update(content), self._order
        if update.client != node - 1:
            raise MynaError(f"speaks for client {update.client}", where=f"client {node - 1}")
        if not 0 < update.takes <= order.most:
            raise MynaError(
                f"learned {update.takes} takes, not 1 to {order.most}", where=f"client {node - 1}"
            )
        program = self._task.program
        for block in (update.begun, update.unsent) if order.evidence else ():
            check_values(program, program.unpack(block))
        sent = opened(program, self._task.teller.base, update.data, order)
        return update, Contribution(update.client, update.takes, sent)

    def _end(
        self, updates: Mapping[int, Update], dropouts: Mapping[int, str], total: Total | None
    ) -> tuple[ArrayRecord, None]:
        """Take the step to the next state, if anybody answered, and report the round.

        Args:
            updates: of those who answered, by node.
            dropouts: by node, why it did not.
            total: of the updates; None without any.
        """
        task, number, takes = self._task, self._order.server_round, 0
        noise_key = os.urandom(KEY) if task.noise else b""
        if total is not None:
            if task.order.clip:
                total = release(task.program, total, task.noise, noise_key)
            self._state = advance(task.program, self._state, total, task.strategy.rate)
            takes = total.takes
        seconds = time.monotonic() - self._began
        difference = self._tell(updates, dropouts)
        task.keep(
            Round(
                *(number, self._state, task.teller.base, difference, takes),
                *([*updates.values()], dropouts, seconds, noise_key),
            )
        )
        return ArrayRecord(), None

    def _tell(self, updates: Mapping[int, Update], dropouts: Mapping[int, str]) -> bytes:
        """Note what nodes know; the difference that they are told of this round."""
        teller, number = self._task.teller, self._order.server_round
        for node in updates:
            teller.answered(node, number)
        for node, reason in dropouts.items():
            if not reason.endswith(DROPPED):
                teller.failed(node)
        return teller.advance(number, self._state)

    def _require_some(self, dropouts: Mapping[int, str]) -> None:
        """Raise MynaError, as all dropped out, unless all did at random."""
        others = [reason for reason in dropouts.values() if not reason.endswith(DROPPED)]
        if others:
            raise MynaError(
                f"no client could learn; the first says: {others[0]}",
                where=f"round {self._order.server_round}",
                fix="see to what it says; what --results kept goes on with --resume",
            )


def split(replies: Iterable[Message]) -> tuple[dict[int, RecordDict], dict[int, str]]:
    """By node, what those who answered sent, and why others did not."""
    replied, dropouts = {}, {}
    for reply in replies:
        node = reply.metadata.src_node_id
        if reply.has_error():
            dropouts[node] = reply.error.reason or "failed"
        else:
            replied[node] = reply.content
    return replied, dropouts


def server_app(task: Task, strategy: Callable[[Task], FedAvg] = IntegerFedAvg) -> ServerApp:
    """The app that does a task by a strategy of Flower."""
    app = ServerApp()

    @app.main()
    def main(grid: Grid, context: Context) -> None:
        strategy(task).start(grid, ArrayRecord(), task.rounds - task.done)

    return app
