# SPDX-License-Identifier: Apache-2.0
"""Flower's grid within this machine: the same apps, without sockets; in processes if asked to."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from myna.errors import MynaError
from myna.evaluation.evaluate import leave_with_parent
from myna.federated.flower import ClientApp, Context, Error, Message, RecordDict, TaskIdentity

MakeApp = Callable[[], ClientApp]
Asked = tuple[Message, RecordDict | None]  # and what the node keeps
Answer = tuple[Message, RecordDict]
FAILED = 0  # Flower's code of an unknown error


class LocalGrid:
    """What Flower's strategies use of a grid: nodes 1 … n, which are the partitions 0 … n - 1.

    A client that fails is answered for by an error, as in a deployment.

    Attributes:
        kept: what clients keep between rounds, by node: `Context.state`.
    """

    def __init__(self, app: ClientApp | None, nodes: int, pool: ProcessPoolExecutor | None) -> None:
        self._app, self._nodes, self._pool = app, nodes, pool
        self.kept: dict[int, RecordDict] = {}

    @classmethod
    @contextmanager
    def open(cls, make_app: MakeApp, nodes: int, jobs: int) -> Iterator[LocalGrid]:
        """A grid for the duration of the block.

        Args:
            make_app: makes the app, once in each process.
            nodes: how many there are.
            jobs: processes; with one, all is done in this one.
        """
        _identify()
        if jobs == 1:
            yield cls(make_app(), nodes, None)
            return
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(jobs, nodes), context, _begin, (make_app,)) as pool:
            yield cls(None, nodes, pool)

    def get_node_ids(self) -> Iterable[int]:
        """The numbers of the nodes."""
        return range(1, self._nodes + 1)

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """The replies, in the order of the messages; nobody is waited for in vain.

        Raises:
            MynaError: a process was ended.
        """
        asked = [(one, self.kept.get(one.metadata.dst_node_id)) for one in messages]
        if self._pool is None:
            assert self._app is not None
            found = [answer(self._app, *one) for one in asked]
        else:
            found = self._work(asked)
        for (message, _), (_, kept) in zip(asked, found, strict=True):
            self.kept[message.metadata.dst_node_id] = kept
        return [reply for reply, _ in found]

    def _work(self, asked: Sequence[Asked]) -> list[Answer]:
        assert self._pool is not None
        try:
            return list(self._pool.map(_work, asked))
        except BrokenProcessPool as error:
            raise MynaError(
                "a process was ended while it served clients",
                where="federation",
                fix="use fewer --jobs if memory ran out; --resume goes on with --results",
            ) from error


def answer(app: ClientApp, message: Message, kept: RecordDict | None) -> Answer:
    """The reply of a node, or the error that a client raised; and what it keeps."""
    node = message.metadata.dst_node_id
    config: dict[str, bool | float | int | str] = {"partition-id": node - 1}
    context = Context(1, node, config, kept or RecordDict(), {})
    try:
        return app(message, context), context.state
    except MynaError as error:
        reason = f"{error.where}: {error.what}"
    except Exception as error:  # whatever befalls a client, the round goes on without it
        reason = repr(error)
    return Message(Error(FAILED, reason), reply_to=message), context.state


def _identify() -> None:
    """Flower makes a message only where it knows for which run."""
    TaskIdentity.run_id = TaskIdentity.node_id = TaskIdentity.task_id = 1


_own: dict[str, ClientApp] = {}  # of a worker process


def _begin(make_app: MakeApp) -> None:
    _identify()
    threading.Thread(target=leave_with_parent, daemon=True).start()
    _own["app"] = make_app()


def _work(asked: Asked) -> Answer:
    return answer(_own["app"], *asked)
