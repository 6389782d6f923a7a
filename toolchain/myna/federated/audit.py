# SPDX-License-Identifier: Apache-2.0
"""Whether updates follow from what clients were sent: they are learned again on the reference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from myna.evaluation.engine import REFERENCE, Engine
from myna.federated.client import Client, Order, learn
from myna.federated.codec import encode
from myna.federated.federation import Federation
from myna.federated.store import Evidence, Store
from myna.learn.examples import Progress
from myna.learn.vector import to_vector


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
            store.state(piece.server_round - 1),
            replace(federation.order, server_round=piece.server_round),
        )
        for piece in kept
    ]
    differ = []
    found = federation.examine(exams, REFERENCE, progress)
    for piece, exam, reached in zip(kept, exams, found, strict=True):
        update = to_vector(program, reached["state"]) - to_vector(program, exam.state)
        if encode(update) != piece.data:
            differ.append(piece)
    return differ


@dataclass(frozen=True)
class Replay:
    """A client's round once more, from its recordings.

    Attributes:
        client: whose.
        state: that the server sent.
        order: of the round.
    """

    client: Client
    state: bytes
    order: Order

    def __call__(self, engine: Engine) -> dict[str, Any]:
        """See `evaluation.protocol.Exam`."""
        reached = learn(engine, self.client, self.state, self.order).state
        return {"speaker": self.client.speaker, "state": reached}
