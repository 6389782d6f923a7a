# SPDX-License-Identifier: Apache-2.0
"""The Flower ServerApp, and the strategy that it starts: FedAvg in integers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from myna.errors import MynaError
from myna.federated.aggregate import Contribution, aggregate
from myna.federated.client import DROPPED, Order
from myna.federated.client_app import ARRAYS, CONFIG, of_told, to_update
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
from myna.federated.site import Update
from myna.federated.strategies import Strategy
from myna.federated.telling import Teller
from myna.learn import codec
from myna.passes.memory.plan import Program


@dataclass(frozen=True)
class Round:
    """What came of a round.

    Attributes:
        server_round: counted from 1.
        state: the state block after it.
        updates: of those who answered.
        base: what clients are told of it.
        difference: how they are told.
        dropouts: by node, why it did not.
        seconds: it took.
    """

    server_round: int
    state: bytes
    base: bytes
    difference: bytes
    updates: Sequence[Update]
    dropouts: Mapping[int, str]
    seconds: float


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
    """

    program: Program
    strategy: Strategy
    order: Order
    done: int
    rounds: int
    state: bytes
    teller: Teller
    keep: Callable[[Round], None]


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
        asked = task.strategy.sample(sorted(grid.get_node_ids()), self._order)
        config = ConfigRecord({**self._order.to_config()})
        messages = []
        for node in asked:
            told = of_told(task.teller.tell(node, self._order.server_round))
            record = RecordDict({ARRAYS: told, CONFIG: config})
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
        task, number = self._task, self._order.server_round
        updates, contributions, dropouts = [], [], {}
        for reply in replies:
            node = reply.metadata.src_node_id
            try:
                update, contribution = self._open(reply)
            except MynaError as error:
                dropouts[node] = f"{error.where}: {error.what}" if error.where else error.what
                if not dropouts[node].endswith(DROPPED):
                    task.teller.failed(node)
                continue
            task.teller.answered(node, number)
            updates.append(update)
            contributions.append(contribution)
        if updates:
            self._state = aggregate(task.program, self._state, contributions, task.strategy.rate)
        elif others := [reason for reason in dropouts.values() if not reason.endswith(DROPPED)]:
            raise MynaError(
                f"no client could learn; the first says: {others[0]}",
                where=f"round {number}",
                fix="see to what it says, then continue with --resume",
            )
        seconds = time.monotonic() - self._began
        difference = task.teller.advance(number, self._state)
        base = task.teller.base
        task.keep(Round(number, self._state, base, difference, updates, dropouts, seconds))
        return ArrayRecord(), None

    def _open(self, reply: Message) -> tuple[Update, Contribution]:
        """What a reply carries.

        Raises:
            MynaError: it is an error, or its update is damaged.
        """
        if reply.has_error():
            raise MynaError(reply.error.reason or "failed")
        update, teller = to_update(reply.content), self._task.teller
        sent = codec.decode(teller.program, teller.base, update.data)
        return update, Contribution(update.client, update.takes, sent)


def server_app(task: Task) -> ServerApp:
    """The app that does a task."""
    app = ServerApp()

    @app.main()
    def main(grid: Grid, context: Context) -> None:
        strategy = IntegerFedAvg(task)
        strategy.start(grid, ArrayRecord(), task.rounds - task.done)

    return app
