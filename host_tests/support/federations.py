# SPDX-License-Identifier: Apache-2.0
"""Federations of speakers who say tones, which take seconds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from flwr.common.serde import message_to_proto
from myna.audio.dataset import Heard
from myna.evaluation.engine import EngineSpec
from myna.federated.client import Order
from myna.federated.client_app import client_app
from myna.federated.cohort import Cohort, CohortRequest
from myna.federated.federation import Federation
from myna.federated.flower import ClientApp, Context, Message
from myna.federated.local_grid import LocalGrid
from myna.federated.site import Site
from myna.federated.store import Store
from myna.federated.strategies import STRATEGIES
from myna.learn.examples import read_examples
from myna.passes.pipeline import Options
from myna.project import open_project

from support import tiny_model

SPEAKERS = tuple(f"s{i}" for i in range(6))
WORDS = ("a", "b", "one", "two")
ORDER = Order(0, 7, 8, 0.0, 1.0, 1, 1)
HOST = EngineSpec("host", tiny_model.folder(), tiny_model.HEAD)

Answer = Callable[[Message, Context], Message]


def quiet(done: int, total: int) -> None:
    """No progress."""


@cache
def cohort() -> Cohort:
    """Four clients, two unseen speakers."""
    package = open_project(tiny_model.folder(), tiny_model.HEAD).package

    def read(clips: Any, classes: Any, title: str) -> Any:
        return read_examples(package.front_end, clips, classes)[:2]

    with tempfile.TemporaryDirectory() as folder:
        data = tiny_model.recordings(Path(folder) / "data", SPEAKERS, WORDS, 4)
        return CohortRequest(package, Heard(), data, None, None, 4, 2, read).gather()


def federation(options: Options = tiny_model.HEAD, **chosen: Any) -> Federation:
    """One of three rounds in this process."""
    engine = replace(HOST, options=options)
    usual = {"engines": (engine,), "strategy": STRATEGIES["fedavg"], "order": ORDER}
    usual |= {"rounds": 3, "audit": 0, "jobs": 1}
    project = open_project(tiny_model.folder(), options)
    return Federation(project, cohort(), **(usual | chosen))


def run(asked: Federation, path: Path | None = None, *, resume: bool = False) -> bytes:
    """The last state."""
    with Store.open(path, {}, resume=resume) as store:
        return asked.run(store, quiet)


def through(between: Callable[[Answer, Message, Context], Message], site: Site) -> ClientApp:
    """The app of a site with something between it and the server, which may change or fail."""
    honest = client_app(site)
    return cast(ClientApp, lambda message, context: between(honest, message, context))


def crossing(monkeypatch: pytest.MonkeyPatch, ask: Callable[[], object]) -> bytes:
    """All that crosses between server and clients meanwhile, as it is sent to far nodes."""
    kept: list[bytes] = []
    honest: Callable[..., Iterable[Message]] = LocalGrid.send_and_receive

    def tap(grid: LocalGrid, messages: Iterable[Message], **more: Any) -> Iterable[Message]:
        asked = [*messages]
        replies = [*honest(grid, asked, **more)]
        kept.extend(message_to_proto(one).SerializeToString() for one in [*asked, *replies])
        return replies

    monkeypatch.setattr(LocalGrid, "send_and_receive", tap)
    ask()
    return b"".join(kept)
