# SPDX-License-Identifier: Apache-2.0
"""The figures of a federation that ended: the fields of ``myna federate --json``."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from myna.federated.audit import audit
from myna.federated.federation import Federation
from myna.federated.measure import measure
from myna.federated.privacy.accountant import budget
from myna.federated.privacy.membership import membership
from myna.federated.store import Store
from myna.federated.user_figures import measure_users
from myna.learn.examples import Progress
from myna.learn.vector import trained_weights


def result(federation: Federation, store: Store, progress: Progress) -> dict[str, Any]:
    """All figures by name.

    Args:
        federation: which ended.
        store: of its run.
        progress: called with exams (done, total).
    """
    cohort, program, rows = federation.cohort, federation.program, store.clients()
    state = store.state(federation.rounds)
    answered = [row for _, row in rows if row.dropout is None]
    differ = audit(federation, store, progress)
    return {
        "rounds": federation.rounds,
        "clients": len(cohort.clients),
        "speakers": [client.speaker for client in cohort.clients],
        "aggregate_digest": f"{zlib.crc32(state):08x}",
        **_measured(federation, store.state(0), state, progress),
        **budget(federation, store),
        "bytes_up_per_client_round": _mean([row.bytes_up for row in answered]),
        "bytes_down_per_client_round": _mean([row.bytes_down for row in answered]),
        "float32_bytes": 4 * trained_weights(program, federation.order.private(program)),
        "steps": sum(row.steps for row in answered),
        "dropouts": len(rows) - len(answered),
        "dropout_reasons": sorted({row.dropout for _, row in rows if row.dropout}),
        "audited": len(store.evidence()),
        "audit_failures": len(differ),
        "audit_failed": [
            {"round": piece.server_round, "client": cohort.clients[piece.client].speaker}
            for piece in differ
        ],
    }


def _measured(
    federation: Federation, start: bytes, state: bytes, progress: Progress
) -> dict[str, Any]:
    """What it brought: to users who are told by codewords, or to unseen speakers of words."""
    cohort = federation.cohort
    if cohort.users is not None:
        return measure_users(federation, cohort.users, start, state, progress)
    return {
        "unseen": [task.speaker for task in cohort.unseen],
        **measure(federation, start, state, progress),
        **membership(federation, start, state, progress),
    }


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values) if values else 0.0
