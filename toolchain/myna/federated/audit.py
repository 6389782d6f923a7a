# SPDX-License-Identifier: Apache-2.0
"""Whether updates follow from what clients were sent: they are learned again on the reference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from myna.evaluation.engine import REFERENCE, Engine
from myna.federated.client import Client, Order, learn
from myna.federated.federation import Federation
from myna.federated.store import Evidence, Store
from myna.federated.updates import protected
from myna.learn import codec
from myna.learn.examples import Progress


def audit(federation: Federation, store: Store, progress: Progress) -> list[Evidence]:
    """Of the updates that a store kept, those that differ from what the reference learns.

    Args:
        federation: which ended.
        store: of its run.
        progress: called with updates (done, total).
    """
    kept, program = store.evidence(), federation.program
    exams = [
        Replay(
            federation.cohort.clients[piece.client],
            store.base(piece.server_round - 1),
            piece.begun,
            replace(federation.order, server_round=piece.server_round),
        )
        for piece in kept
    ]
    differ = []
    found = federation.examine(exams, REFERENCE, progress)
    order, private = federation.order, federation.order.private(program)
    budget = codec.budget(program, order.bits, private)
    for piece, exam, reached in zip(kept, exams, found, strict=True):
        data, _ = codec.encode(program, exam.base, reached["state"], budget, private)
        if order.clip:
            data = protected(program, exam.base, data, order)
        if data != piece.data:
            differ.append(piece)
    return differ


@dataclass(frozen=True)
class Replay:
    """A client's round once more, from its recordings.

    Attributes:
        client: whose.
        base: that it and the server knew.
        state: that it began with: the server's, and what it had not sent.
        order: of the round.
    """

    client: Client
    base: bytes
    state: bytes
    order: Order

    def __call__(self, engine: Engine) -> dict[str, Any]:
        """See `evaluation.protocol.Exam`."""
        engine.base.set(self.base)
        engine.write_state(self.state)
        learn(engine, self.client, self.order)
        return {"speaker": self.client.speaker, "state": engine.read_state()}
