# SPDX-License-Identifier: Apache-2.0
"""Whether updates follow from what clients were sent: they are learned again on the reference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from myna.evaluation.engine import REFERENCE, Engine
from myna.federated.client import Client, Order, learn
from myna.federated.federation import Federation
from myna.federated.site import Kept, restore
from myna.federated.store import Evidence, Store
from myna.federated.updates import protected
from myna.learn import codec
from myna.learn.examples import Progress
from myna.learn.vector import with_parts
from myna.passes.memory.plan import Program


def audit(federation: Federation, store: Store, progress: Progress) -> list[Evidence]:
    """Of the updates that a store kept, those that differ from what the reference learns.

    Args:
        federation: which ended.
        store: of its run.
        progress: called with updates (done, total).
    """
    kept, program = store.evidence(), federation.program
    private = federation.order.private(program)
    exams = [
        Replay(
            federation.cohort.clients[piece.client],
            _told(program, store.base(piece.server_round - 1), piece, private),
            replace(federation.order, server_round=piece.server_round),
            codec.budget(program, federation.order.bits, private),
            private,
        )
        for piece in kept
    ]
    differ = []
    found = federation.examine(exams, REFERENCE, progress)
    for piece, exam, replayed in zip(kept, exams, found, strict=True):
        data = replayed["update"]
        if exam.order.clip:
            data = protected(program, exam.began.base, data, exam.order)
        if data != piece.data:
            differ.append(piece)
    return differ


def _told(program: Program, base: bytes, piece: Evidence, private: frozenset[str]) -> Kept:
    """What a client began with, if it began as told: for what is private we have its own word."""
    return Kept(base, with_parts(program, base, piece.begun, private), piece.unsent)


@dataclass(frozen=True)
class Replay:
    """A client's round once more, from its recordings.

    Attributes:
        client: whose.
        began: what it began with.
        order: of the round.
        budget: bytes of the update.
        private: tensors of which nothing is told.
    """

    client: Client
    began: Kept
    order: Order
    budget: int
    private: frozenset[str]

    def __call__(self, engine: Engine) -> dict[str, Any]:
        """See `evaluation.protocol.Exam`."""
        restore(engine, self.began)
        learn(engine, self.client, self.order)
        update = engine.base.make_update(self.budget, self.private)
        return {"speaker": self.client.speaker, "update": update}
