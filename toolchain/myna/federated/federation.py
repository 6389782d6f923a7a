# SPDX-License-Identifier: Apache-2.0
"""A federation within this machine, from the choice of speakers to the figures of the result."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np

from myna import fixed
from myna.evaluation.engine import HOST, REFERENCE, EngineSpec
from myna.evaluation.evaluate import examine_all, mean_with_ci
from myna.federated.aggregate import to_vector, trained_weights
from myna.federated.client import Client, Order
from myna.federated.client_app import client_app
from myna.federated.codec import encode
from myna.federated.cohort import Cohort
from myna.federated.flower import ClientApp, Context, Grid, RecordDict
from myna.federated.local_grid import LocalGrid
from myna.federated.measure import Accuracy, Enrollment, Pooled, Replay
from myna.federated.server_app import Round, Task, server_app
from myna.federated.site import Site
from myna.federated.store import ClientRow, Evidence, RoundRow, Store
from myna.federated.strategies import Strategy
from myna.learn.examples import Progress
from myna.names import CLASSES, NAMES, SEED
from myna.passes.memory.plan import Program
from myna.project import Project

TAG_AUDIT = 0x464C4155  # "FLAU": no tensor draws with this tag
MEASURED = ("before", "after", "centralized", "local_only", "personalized")


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
        audit: updates that are replayed.
        jobs: processes.
        make_app: makes the ClientApp of a site.
    """

    project: Project
    cohort: Cohort
    engines: Sequence[EngineSpec]
    strategy: Strategy
    order: Order
    rounds: int
    audit: int
    jobs: int
    make_app: Callable[[Site], ClientApp] = client_app

    @property
    def program(self) -> Program:
        """What everybody runs."""
        return self.project.program

    def run(self, store: Store, progress: Progress) -> bytes:
        """Do the rounds that the store does not hold yet; the state block after the last one.

        Args:
            store: of this run.
            progress: called with rounds (done, total).

        Raises:
            MynaError: no client could learn, or a process was ended.
        """
        if store.rounds() < 0:
            store.add_round(RoundRow(0, self.start()), (), (), 0)
        done = store.rounds()
        progress(done, self.rounds)

        def keep(found: Round) -> None:
            self._keep(store, found)
            progress(found.server_round, self.rounds)

        state = store.state(min(done, self.rounds))
        task = Task(self.program, self.strategy, self.order, done, self.rounds, state, keep)
        clients = self.cohort.clients
        for spec in dict.fromkeys(self.engines):
            spec.prepare()
        with (
            closing(Site(clients, self.engines)) as site,
            LocalGrid.open(partial(self.make_app, site), len(clients), self._jobs()) as grid,
        ):
            context = Context(1, 0, {}, RecordDict(), {})
            server_app(task)(cast(Grid, grid), context)  # it is what strategies use of one
        return store.state(self.rounds)

    def start(self) -> bytes:
        """The state block before the first round: as built, all words' classes in use and named."""
        program, labels = self.program, self.project.package.labels
        values = program.unpack(self.project.library().read_state())
        words = sorted(self.cohort.classes, key=lambda word: self.cohort.classes[word])
        values[CLASSES][0] = len(words)
        values[SEED][0] = self.order.seed
        if NAMES in values:
            size = values[NAMES].shape[1]
            for row, word in zip(values[NAMES], words[len(labels) :], strict=False):
                row[:] = np.frombuffer(word.encode()[:size].ljust(size, b"\0"), np.int8)
        return program.pack(values)

    def _jobs(self) -> int:
        """A board on a port is opened by one process only."""
        return 1 if any(spec.port for spec in self.engines) else self.jobs

    def _keep(self, store: Store, found: Round) -> None:
        clients = self.cohort.clients
        rows = [
            ClientRow(
                *(one.client, clients[one.client].speaker, one.takes, one.accuracy, one.steps),
                *(one.seconds, len(one.data), found.bytes_down, f"{one.digest:08x}"),
            )
            for one in found.updates
        ]
        for node, reason in found.dropouts.items():
            speaker = clients[node - 1].speaker
            rows.append(ClientRow(node - 1, speaker, bytes_down=found.bytes_down, dropout=reason))
        key = fixed.key(self.order.seed, found.server_round, TAG_AUDIT)
        evidence = [
            Evidence(found.server_round, one.client, fixed.random32(key, one.client), one.data)
            for one in found.updates
        ]
        takes = sum(one.takes for one in found.updates)
        done = RoundRow(found.server_round, found.state, takes, found.seconds)
        store.add_round(done, rows, evidence if self.audit else (), self.audit)


@dataclass(frozen=True)
class Report:
    """Figures of a federation that ended; see SPEC and ``myna federate --json``."""

    federation: Federation
    store: Store
    progress: Progress

    def to_json(self) -> dict[str, Any]:
        """All of them, by the names of ``--json``."""
        federation, rows = self.federation, self.store.clients()
        state = self.store.state(federation.rounds)
        answered = [row for _, row in rows if row.dropout is None]
        return {
            "rounds": federation.rounds,
            "clients": len(federation.cohort.clients),
            "speakers": [client.speaker for client in federation.cohort.clients],
            "unseen": [task.speaker for task in federation.cohort.unseen],
            "aggregate_digest": f"{zlib.crc32(state):08x}",
            **self._accuracy(state),
            "bytes_up_per_client_round": _mean([row.bytes_up for row in answered]),
            "bytes_down_per_client_round": _mean([row.bytes_down for row in answered]),
            "float32_bytes": 4 * trained_weights(federation.program),
            "steps": sum(row.steps for row in answered),
            "dropouts": len(rows) - len(answered),
            "dropout_reasons": sorted({row.dropout for _, row in rows if row.dropout}),
            **self.audited(),
        }

    def _examine(self, exams: Sequence[Any], engine: str) -> list[dict[str, Any]]:
        project = self.federation.project
        spec = EngineSpec(engine, project.folder, project.asked)
        return examine_all(spec, exams, self.federation.jobs, self.progress) if exams else []

    def _accuracy(self, state: bytes) -> dict[str, Any]:
        federation, cohort = self.federation, self.federation.cohort
        start, order = self.store.state(0), federation.order
        labels = len(federation.project.package.labels)
        pooled = Pooled(cohort.clients, start, order, federation.rounds)
        enrollments = [Enrollment(task, state, labels, order.seed) for task in cohort.unseen]
        centralized, *enrolled = self._examine([pooled, *enrollments], HOST)
        states = {
            "before": federation.project.library().read_state(),
            "after": state,
            "centralized": centralized["state"],
        }
        exams = [Accuracy(task.speaker, task.examined, states) for task in cohort.unseen]
        if cohort.known.examples is not None:
            exams.append(Accuracy("", cohort.known.examples, states))
        asked = self._examine(exams, HOST)
        known = asked.pop() if cohort.known.examples is not None else None
        people = [one | other for one, other in zip(asked, enrolled, strict=True)]
        means = {name: mean_with_ci([person[name] for person in people]) for name in MEASURED}
        return {**means, "known": known and {name: known[name] for name in states}}

    def audited(self) -> dict[str, Any]:
        """Replays the updates that were kept on the reference, and names those that differ."""
        federation, evidence = self.federation, self.store.evidence()
        clients: Sequence[Client] = federation.cohort.clients
        exams = [
            Replay(
                clients[piece.client],
                self.store.state(piece.server_round - 1),
                replace(federation.order, server_round=piece.server_round),
            )
            for piece in evidence
        ]
        failures = []
        for piece, exam, found in zip(
            evidence, exams, self._examine(exams, REFERENCE), strict=True
        ):
            program = federation.program
            update = to_vector(program, found["state"]) - to_vector(program, exam.state)
            if encode(update) != piece.data:
                failures.append({"round": piece.server_round, "client": exam.client.speaker})
        return {
            "audited": len(evidence),
            "audit_failures": len(failures),
            "audit_failed": failures,
        }


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values) if values else 0.0
