# SPDX-License-Identifier: Apache-2.0
"""The Flower ServerApp, and the strategy that it starts: FedAvg in integers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from myna.errors import MynaError
from myna.federated.aggregate import Contribution, Total, add, advance, to_vector
from myna.federated.client import DROPPED, Order
from myna.federated.client_app import ARRAYS, CONFIG, KEY, STATE, to_arrays, to_update
from myna.federated.codec import decode
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
from myna.federated.site import Update
from myna.federated.strategies import Strategy
from myna.passes.memory.plan import Program


@dataclass(frozen=True)
class Round:
    """What came of a round.

    Attributes:
        server_round: counted from 1.
        state: the state block after it.
        takes: learned by those who answered.
        updates: of those who answered.
        dropouts: by node, why it did not.
        bytes_down: that each client was sent.
        seconds: it took.
        noise_key: of the noise that the server added, by which it may be replayed.
    """

    server_round: int
    state: bytes
    takes: int
    updates: Sequence[Update]
    dropouts: Mapping[int, str]
    bytes_down: int
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
        keep: is given every round as soon as it is done.
        noise: deviation of the noise that the server adds to the sum of updates; 0 for none.
    """

    program: Program
    strategy: Strategy
    order: Order
    done: int
    rounds: int
    state: bytes
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
        """One message, the same for each node that the strategy asks in this round."""
        task, self._began = self._task, time.monotonic()
        self._order = replace(task.order, server_round=task.done + server_round)
        asked = task.strategy.sample(sorted(grid.get_node_ids()), self._order)
        record = RecordDict({ARRAYS: arrays, CONFIG: ConfigRecord({**self._order.to_config()})})
        return [Message(record, message_type=MessageType.TRAIN, dst_node_id=node) for node in asked]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """The next state, of those who answered.

        Raises:
            MynaError: all failed, and not at random.
        """
        replied, dropouts = split(replies)
        updates = [to_update(content) for content in replied.values()]
        parameters = to_vector(self._task.program, self._state).size
        contributions = [
            Contribution(one.client, one.takes, decode(one.data, parameters)) for one in updates
        ]
        total = add(contributions, parameters) if updates else None
        if not updates:
            self._require_some(dropouts)
        return self._end(updates, dropouts, total, len(self._state))

    def _end(
        self,
        updates: Sequence[Update],
        dropouts: Mapping[int, str],
        total: Total | None,
        bytes_down: int,
    ) -> tuple[ArrayRecord, None]:
        """Take the step to the next state, if anybody answered, and report the round."""
        task, number, takes = self._task, self._order.server_round, 0
        noise_key = os.urandom(KEY) if task.noise else b""
        if total is not None:
            if task.order.clip:
                total = release(task.program, total, task.noise, noise_key)
            self._state = advance(task.program, self._state, total, task.strategy.rate)
            takes = total.takes
        seconds = time.monotonic() - self._began
        done = Round(
            *(number, self._state, takes, updates, dropouts, bytes_down, seconds, noise_key)
        )
        task.keep(done)
        return to_arrays(STATE, self._state), None

    def _require_some(self, dropouts: Mapping[int, str]) -> None:
        """Raise MynaError, as all dropped out, unless all did at random."""
        others = [reason for reason in dropouts.values() if not reason.endswith(DROPPED)]
        if others:
            raise MynaError(
                f"no client could learn; the first says: {others[0]}",
                where=f"round {self._order.server_round}",
                fix="see to what it says, then continue with --resume",
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
        strategy(task).start(grid, to_arrays(STATE, task.state), task.rounds - task.done)

    return app
