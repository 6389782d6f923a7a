# SPDX-License-Identifier: Apache-2.0
"""A federation within this machine: the rounds of one server and its clients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np

from myna import fixed
from myna.errors import MynaError
from myna.evaluation.engine import EngineSpec
from myna.evaluation.evaluate import examine_all
from myna.evaluation.protocol import Exam
from myna.federated.client import LOSSLESS, Order
from myna.federated.client_app import client_app
from myna.federated.cohort import Cohort
from myna.federated.fleet_grid import FleetGrid
from myna.federated.flower import ClientApp, Context, Grid, RecordDict
from myna.federated.local_grid import LocalGrid
from myna.federated.privacy.terms import PLAIN, Privacy
from myna.federated.records import keep_record, kept_of
from myna.federated.secure.server_app import SecureFedAvg
from myna.federated.server_app import IntegerFedAvg, Round, Task, server_app
from myna.federated.site import Site
from myna.federated.store import ClientRow, Evidence, RoundRow, Store
from myna.federated.strategies import Strategy
from myna.federated.telling import Teller
from myna.learn.examples import Progress
from myna.names import CLASSES, NAMES, SEED
from myna.passes.memory.plan import Program
from myna.project import Project
from myna.sessions.words import check_name

Found = dict[str, Any]  # what an exam found

TAG_AUDIT = 0x464C4155  # "FLAU": no tensor draws with this tag


@dataclass(frozen=True)
class Federation:
    """Speakers of a data folder who learn together.

    Attributes:
        project: the compiled model.
        cohort: who takes part.
        engines: on which clients learn, in turn.
        strategy: whom the server asks, and how it averages.
        order: what it asks for.
        rounds: how many.
        bits_down: that a round tells clients for each trained weight.
        audit: updates that are replayed.
        jobs: processes.
        make_app: makes the ClientApp of a site.
        privacy: of the clients' updates.
    """

    project: Project
    cohort: Cohort
    engines: Sequence[EngineSpec]
    strategy: Strategy
    order: Order
    rounds: int
    audit: int
    jobs: int
    bits_down: float = LOSSLESS
    make_app: Callable[[Site], ClientApp] = client_app
    privacy: Privacy = PLAIN

    @property
    def program(self) -> Program:
        """What everybody runs."""
        return self.project.program

    def run(self, store: Store, progress: Progress) -> bytes:
        """Do the rounds that the store does not hold yet, on clients within this machine.

        Args, Returns and Raises: see `serve`.
        """
        clients = self.cohort.clients
        for spec in dict.fromkeys(self.engines):
            spec.prepare()
        with (
            closing(Site(clients, self.engines)) as site,
            LocalGrid.open(partial(self.make_app, site), len(clients), self._jobs()) as grid,
        ):
            return self.serve(grid, store, progress)

    def serve(self, grid: LocalGrid | FleetGrid, store: Store, progress: Progress) -> bytes:
        """Do the rounds that the store does not hold yet, on the clients behind a grid.

        Args:
            grid: its nodes are the clients, each number plus one.
            store: of this run.
            progress: called with rounds (done, total).

        Returns:
            the state block after the last one.

        Raises:
            MynaError: no client could learn, or a process was ended.
        """
        if store.rounds() < 0:
            store.add_round(RoundRow(0, self.start(), self.start()))
        done = store.rounds()
        if done > self.rounds:
            raise MynaError(
                f"{done} rounds are done, {self.rounds} were asked for",
                where="results",
                fix=f"continue with --rounds {done} or more",
            )
        progress(done, self.rounds)

        known: dict[int, int] = {}  # what clients elsewhere keep ends with a run of the server
        kept: dict[int, RecordDict] = {}
        if isinstance(grid, LocalGrid):
            here = store.kept()
            known = {
                client + 1: number - 1
                for client, number in store.answered().items()
                if here[client].state  # what a board alone has may be gone, or of another round
            }
            kept = grid.kept
            kept |= {client + 1: keep_record(own) for client, own in here.items()}
        teller = Teller(self.program, self.bits_down, store.base(done), store.differences(), known)
        order = replace(self.order, evidence=self.audit > 0)

        def keep(found: Round) -> None:
            self._keep(store, found, kept)
            progress(found.server_round, self.rounds)

        task = Task(
            *(self.program, self.strategy, order, done, self.rounds),
            *(store.state(done), teller, keep, self.privacy.server_noise),
        )
        context = Context(1, 0, {}, RecordDict(), {})
        server = SecureFedAvg if self.privacy.secure else IntegerFedAvg
        server_app(task, server)(cast(Grid, grid), context)  # it is what strategies use of one
        return store.state(self.rounds)

    def start(self) -> bytes:
        """The state block before the first round: as built, all words' classes in use and named.

        Raises:
            MynaError: a new word has a name that boards cannot keep.
        """
        program, labels = self.program, self.project.package.labels
        values = program.unpack(self.project.library().read_state())
        words = sorted(self.cohort.classes, key=lambda word: self.cohort.classes[word])
        if CLASSES in values:
            values[CLASSES][0] = len(words)
        values[SEED][0] = self.order.seed
        if NAMES in values:
            size = values[NAMES].shape[1]
            for row, word in zip(values[NAMES], words[len(labels) :], strict=False):
                check_name(word, labels)
                row[:] = np.frombuffer(word.encode().ljust(size, b"\0"), np.int8)
        return program.pack(values)

    def examine(self, exams: Sequence[Exam], engine: str, progress: Progress) -> list[Found]:
        """The results of exams on an engine in this machine; none of none."""
        spec = EngineSpec(engine, self.project.folder, self.project.asked)
        return examine_all(spec, exams, self.jobs, progress) if exams else []

    def _jobs(self) -> int:
        """A board on a port is opened by one process only."""
        return 1 if any(spec.port for spec in self.engines) else self.jobs

    def _keep(self, store: Store, found: Round, kept: Mapping[int, RecordDict]) -> None:
        clients = self.cohort.clients
        rows = [
            ClientRow(
                *(one.client, clients[one.client].speaker, one.takes, one.accuracy, one.steps),
                *(one.seconds, one.bytes_up, one.bytes_down, f"{one.digest:08x}"),
            )
            for one in found.updates
        ]
        for node, reason in found.dropouts.items():
            speaker = clients[node - 1].speaker
            rows.append(ClientRow(node - 1, speaker, dropout=reason))
        key = fixed.key(self.order.seed, found.server_round, TAG_AUDIT)
        evidence = [
            Evidence(
                *(found.server_round, one.client, fixed.random32(key, one.client)),
                *(one.data, one.begun, one.unsent),
            )
            for one in found.updates
        ]
        own = {node - 1: one for node, record in kept.items() if (one := kept_of(record))}
        done = RoundRow(
            *(found.server_round, found.state, found.base, found.difference),
            *(found.takes, found.seconds, found.noise_key),
        )
        store.add_round(done, rows, own, evidence if self.audit else (), self.audit)
