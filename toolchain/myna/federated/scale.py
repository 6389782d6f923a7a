# SPDX-License-Identifier: Apache-2.0
"""What a server takes of memory and time for so many clients, without recordings.

Clients are synthetic speakers: what the model keeps of those whom it was trained on, varied.
"""

from __future__ import annotations

import multiprocessing
import re
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from myna import fixed
from myna.audio.augment import vary
from myna.evaluation.engine import HOST, EngineSpec
from myna.evaluation.split import assign_classes
from myna.federated.client import Client, Order
from myna.federated.client_app import client_app
from myna.federated.cohort import Cohort
from myna.federated.federation import Federation
from myna.federated.flower import ClientApp
from myna.federated.site import Site
from myna.federated.store import Store
from myna.federated.strategies import Strategy
from myna.learn.examples import Examples
from myna.passes.pipeline import Options
from myna.project import open_project

TAKES = 12  # of a client
JOBS = 2  # processes of clients, apart from the server's
TAG_SPEAKER = 0x464C5350  # "FLSP": no tensor draws with this tag

T = TypeVar("T")


@dataclass(frozen=True)
class Scale:
    """A server with its clients.

    Attributes:
        clients: of the federation.
        sampled: clients asked in a round.
        memory: most that the server's process took, in bytes.
        server_seconds: processor time of the server in a round, the median.
        round_seconds: of a round, clients included, the median.
        bytes_up, bytes_down: of a client in a round.
    """

    clients: int
    sampled: int
    memory: int
    server_seconds: float
    round_seconds: float
    bytes_up: int
    bytes_down: int


def measure(model: Path, clients: int, sampled: int, rounds: int) -> Scale:
    """Run rounds, the server in a process of its own and the clients in others.

    Raises:
        MynaError: the model is missing or damaged, or has no memories.
    """
    return _apart(_serve, model, clients, sampled, rounds)


@dataclass(frozen=True)
class Crowd:
    """Clients whom a server knows, asked or not.

    Attributes:
        clients: how many.
        memory: that knowing them takes, in bytes.
        seconds: processor time to draw those who are asked in a round.
    """

    clients: int
    memory: int
    seconds: float


def know(clients: int, sampled: int) -> Crowd:
    """Know so many clients, in a process of its own."""
    return _apart(_know, clients, sampled)


def _apart(function: Callable[..., T], *arguments: object) -> T:
    """What a function returns in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def _know(clients: int, sampled: int) -> Crowd:
    before = _memory("VmRSS")
    cohort = Cohort.elsewhere({}, clients)
    taken, began = _memory("VmRSS") - before, time.process_time()
    Strategy(asked=sampled).sample(sorted(range(1, 1 + len(cohort.clients))), _order(1))
    return Crowd(clients, taken, time.process_time() - began)


def speakers(model: Path, options: Options, count: int) -> tuple[Client, ...]:
    """Synthetic speakers, who say known words: memories of the model, each take varied anew."""
    package = open_project(model, options).package
    memories = package.known.memories
    numbers = range(count * TAKES)
    features = [
        vary(package.front_end, memories.features[n % len(memories.labels)], None, _key(n))
        for n in numbers
    ]
    labels = memories.labels[np.arange(len(numbers)) % len(memories.labels)].astype(np.int64)
    takes = Examples(np.array(features), labels)
    return tuple(
        Client(number, str(number), takes.take(range(number * TAKES, (number + 1) * TAKES)))
        for number in range(count)
    )


def _key(number: int) -> int:
    return fixed.key(number, 0, TAG_SPEAKER)


def _app(site: Site) -> ClientApp:
    """The app of a process of clients: the server does not have their takes."""
    spec = site.engines[0]
    return client_app(replace(site, clients=speakers(spec.model, spec.options, len(site.clients))))


def _serve(model: Path, clients: int, sampled: int, rounds: int) -> Scale:
    options = Options(train="head")
    project = open_project(model, options)
    labels = project.package.labels
    cohort = Cohort.elsewhere(assign_classes(labels, (), len(labels)), clients)
    engines = (EngineSpec(HOST, model, options),)
    federation = Federation(
        *(project, cohort, engines, Strategy(asked=sampled), _order(0), rounds, 0, JOBS),
        make_app=_app,
    )
    spent: list[float] = []
    with Store.open(None, {}, resume=False) as store:
        federation.run(store, lambda done, total: spent.append(time.process_time()))
        rows, history = store.clients(), store.history()
    return Scale(
        clients,
        sampled,
        _memory("VmHWM"),
        statistics.median(np.diff(spent[1:])),  # the first round also starts processes
        statistics.median(done.seconds for done in history[2:]),
        rows[-1][1].bytes_up,
        rows[-1][1].bytes_down,
    )


def _order(server_round: int) -> Order:
    return Order(server_round, 1, TAKES, dropout=0.0, rate=8.0, epochs=2, rehearsals=1)


def _memory(field: str) -> int:
    """Resident memory of this process, in bytes: now (VmRSS) or at most (VmHWM); proc(5).

    What getrusage(2) says includes the parent's at the time of the fork.
    """
    found = re.search(rf"{field}:\s*(\d+) kB", Path("/proc/self/status").read_text("utf-8"))
    assert found
    return 1024 * int(found[1])
