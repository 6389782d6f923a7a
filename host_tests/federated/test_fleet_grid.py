# SPDX-License-Identifier: Apache-2.0
"""A fleet of SuperNodes, each of several clients: as one process, whoever comes, goes or lies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from myna.audio.dataset import scan, select
from myna.errors import MynaError
from myna.evaluation.engine import EngineSpec
from myna.evaluation.protocol import Known
from myna.federated import local_grid
from myna.federated.client import Order
from myna.federated.cohort import Cohort, clients_of
from myna.federated.federation import Federation
from myna.federated.fleet_grid import FleetGrid, pack, unpack
from myna.federated.flower import (
    ConfigRecord,
    Context,
    Error,
    Grid,
    Message,
    RecordDict,
)
from myna.federated.privacy.terms import Privacy
from myna.federated.store import Store
from myna.federated.strategies import STRATEGIES
from myna.federated.supernode import app
from myna.learn.examples import read_examples
from myna.project import open_project
from support import tiny_model

SPEAKERS = {number: f"s{number}" for number in range(4)}
WORDS = ["a", "one", "two"]
NODES = (71, 18)  # their numbers are random in a deployment


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet") / "data"
    return tiny_model.recordings(folder, tuple(SPEAKERS.values()), tuple(WORDS), 3)


def write_site(path: Path, data: Path, clients: Iterable[int], **changed: str) -> Path:
    named = {"model": str(tiny_model.folder()), "train": "head", "data": str(data)}
    named |= {"words": ",".join(WORDS), "engine": "host"} | changed
    lines = [f"{name} = {json.dumps(value)}" for name, value in named.items()]
    lines += ["[clients]", *(f'{number} = "{SPEAKERS[number]}"' for number in clients)]
    path.write_text("\n".join(lines), "utf-8")
    return path


class Deployed:
    """Flower's grid with SuperNodes in this process."""

    def __init__(self, sites: Sequence[Path]) -> None:
        self.sites = dict(zip(NODES, sites, strict=True))
        self.silent: set[int] = set()
        self.timeouts: set[float | None] = set()
        self._contexts: dict[int, Context] = {}

    def get_node_ids(self) -> Iterable[int]:
        return list(self.sites)

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        self.timeouts.add(timeout)
        replies = [self._reply(one) for one in messages if one.metadata.dst_node_id in self.sites]
        return [one for one in reversed(replies) if one.metadata.src_node_id not in self.silent]

    def _reply(self, message: Message) -> Message:
        node = message.metadata.dst_node_id
        context = Context(1, node, {"site": str(self.sites[node])}, RecordDict(), {})
        context = self._contexts.setdefault(node, context)
        try:
            return app(message, context)
        except MynaError as error:
            return Message(Error(0, str(error)), reply_to=message)


PATIENCE, QUERY_TIMEOUT = 77.0, 60.0  # seconds


@pytest.fixture
def sites(tmp_path: Path, data: Path) -> list[Path]:
    """Clients 0 and 2 at one site, 3 and 1 at another, on two engines."""
    first = write_site(tmp_path / "first.toml", data, (0, 2))
    return [first, write_site(tmp_path / "second.toml", data, (3, 1), engine="host,reference")]


def federation(data: Path) -> Federation:
    project = open_project(tiny_model.folder(), tiny_model.HEAD)
    classes = {"a": 0, "b": 1, "c": 2, "silence": 3, "one": 4, "two": 5}
    clips = select(scan(data), words=WORDS)
    clips, examples, _ = read_examples(project.package.front_end, clips, classes)
    cohort = Cohort(classes, clients_of(SPEAKERS, clips, examples), (), Known())
    engines = (EngineSpec("host", tiny_model.folder(), tiny_model.HEAD),)
    order = Order(0, 7, 8, 0.0, 1.0, 1, 1)
    return Federation(project, cohort, engines, STRATEGIES["fedavg"], order, 3, 0, 1)


def fleet_of(deployed: Deployed) -> FleetGrid:
    local_grid._identify()
    model = open_project(tiny_model.folder(), tiny_model.HEAD).fingerprint
    return FleetGrid(cast(Grid, deployed), f"{model:08x}", 4, 0, PATIENCE)


def served(
    asked: Federation, deployed: Deployed, after: Callable[[int, int], None]
) -> tuple[bytes, list[tuple[int, int, str]]]:
    """The state, and who dropped out."""
    with Store.open(None, {}, resume=False) as store:
        fleet = fleet_of(deployed)
        fleet.expect_all()
        state = asked.serve(fleet, store, after)
        return state, [(r, row.client, row.dropout) for r, row in store.clients() if row.dropout]


def test_a_fleet_ends_as_one_process(data: Path, sites: list[Path]) -> None:
    asked = federation(data)
    state, dropouts = served(asked, Deployed(sites), lambda done, total: None)
    assert not dropouts
    with Store.open(None, {}, resume=False) as store:
        assert asked.run(store, lambda done, total: None) == state


def test_a_run_goes_on_at_sites_that_have_forgotten(data: Path, sites: list[Path]) -> None:
    """What they keep is Flower's, for one run of the server: the next tells them all."""
    asked = federation(data)
    with Store.open(None, {}, resume=False) as store:
        replace(asked, rounds=1).serve(fleet_of(Deployed(sites)), store, lambda done, total: None)
        state = asked.serve(fleet_of(Deployed(sites)), store, lambda done, total: None)
        assert not [row for _, row in store.clients() if row.dropout]
    assert state == served(asked, Deployed(sites), lambda done, total: None)[0]


def test_a_fleet_keeps_secrets_and_ends_as_without(data: Path, sites: list[Path]) -> None:
    plain, secure = federation(data), replace(federation(data), privacy=Privacy(secure=True))
    plain, secure = replace(plain, rounds=1), replace(secure, rounds=1)
    states = [served(one, Deployed(sites), lambda done, total: None) for one in (plain, secure)]
    assert states[0] == states[1]


def test_a_site_that_is_silent_drops_out_of_that_round(data: Path, sites: list[Path]) -> None:
    deployed = Deployed(sites)

    def after(done: int, total: int) -> None:
        deployed.silent = {NODES[1]} if done == 1 else set()

    _, dropouts = served(federation(data), deployed, after)
    assert dropouts == [(2, 1, "did not answer in time"), (2, 3, "did not answer in time")]
    assert deployed.timeouts - {QUERY_TIMEOUT} == {PATIENCE}


def test_a_site_that_leaves_is_not_asked_until_it_comes_back(data: Path, sites: list[Path]) -> None:
    deployed = Deployed(sites)
    away = deployed.sites.copy()

    def after(done: int, total: int) -> None:
        if done == 1:
            deployed.sites.pop(NODES[0])
        elif done == 2:
            deployed.sites = {5: away[NODES[0]], NODES[1]: away[NODES[1]]}  # a new number

    with Store.open(None, {}, resume=False) as store:
        federation(data).serve(fleet_of(deployed), store, after)
        took_part = [(r, row.client) for r, row in store.clients()]
        dropouts = [row.dropout for _, row in store.clients() if row.dropout]
    everybody = [0, 1, 2, 3]
    assert took_part == [*((1, i) for i in everybody), (2, 1), (2, 3), *((3, i) for i in everybody)]
    assert not dropouts  # who came back had forgotten the state, and was told it


def test_rounds_wait_while_nobody_is_there(data: Path, sites: list[Path]) -> None:
    deployed = Deployed(sites)

    def after(done: int, total: int) -> None:
        if done == 1:
            deployed.sites.clear()

    with Store.open(None, {}, resume=False) as store:
        with pytest.raises(MynaError, match="after 0 s: none; no other SuperNode has come"):
            federation(data).serve(fleet_of(deployed), store, after)
        assert store.rounds() == 1


def test_one_client_that_fails_leaves_its_site_at_work(
    data: Path, tmp_path: Path, sites: list[Path]
) -> None:
    engines = f"host,{tmp_path / 'unplugged'}"
    sites[1] = write_site(tmp_path / "third.toml", data, (3, 1), engine=engines)
    _, dropouts = served(federation(data), Deployed(sites), lambda done, total: None)
    assert [(r, client) for r, client, _ in dropouts] == [(1, 1), (2, 1), (3, 1)]
    assert "no such serial port" in dropouts[0][2]


def test_a_site_of_another_build_is_not_waited_for_in_vain(
    data: Path, tmp_path: Path, sites: list[Path]
) -> None:
    sites[1] = write_site(tmp_path / "other.toml", data, (1, 3), train="all")
    with pytest.raises(MynaError, match=r"after 0 s: 0, 2; a SuperNode runs"):
        fleet_of(Deployed(sites)).expect_all()


def test_what_is_wrong_at_a_site_is_said(data: Path, tmp_path: Path, sites: list[Path]) -> None:
    sites[0] = tmp_path / "missing.toml"
    with pytest.raises(MynaError, match=r"after 0 s: 1, 3; .*missing.toml"):
        fleet_of(Deployed(sites)).expect_all()


def test_a_client_is_served_once(data: Path, tmp_path: Path, sites: list[Path]) -> None:
    sites[1] = write_site(tmp_path / "twice.toml", data, (1, 2, 3))
    with pytest.raises(MynaError, match="two SuperNodes serve client 2"):
        fleet_of(Deployed(sites)).expect_all()


def test_a_client_too_many_is_not_asked_and_its_site_named(
    data: Path, tmp_path: Path, sites: list[Path]
) -> None:
    more = write_site(tmp_path / "more.toml", data, (3, 1)).read_text("utf-8")
    sites[1].write_text(f'{more}\n4 = "{SPEAKERS[0]}"', "utf-8")
    with pytest.raises(MynaError, match=r"after 0 s: 0, 2; a SuperNode serves client 4, of 0 to 3"):
        fleet_of(Deployed(sites)).expect_all()


def test_what_is_packed_comes_out_and_what_belongs_to_nobody_does_not() -> None:
    part = partial(ConfigRecord, {"x": 1})
    contents = {3: RecordDict({"a": part(), "b/c": part()}), 0: RecordDict({"a": part()})}
    record = pack(contents)
    record["nobody/a"] = record["alone"] = part()
    assert unpack(record) == contents
