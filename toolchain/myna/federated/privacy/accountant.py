# SPDX-License-Identifier: Apache-2.0
"""The budget that a federation spent, by dp-accounting."""

from __future__ import annotations

from collections import Counter
from typing import Any

from myna.federated.federation import Federation
from myna.federated.privacy.epsilon import DELTA, epsilon
from myna.federated.store import Store


def budget(federation: Federation, store: Store) -> dict[str, Any]:
    """What a run spent of the client who took part most often.

    Whom the server asks follows from a seed that all know, so nothing is gained by asking few but
    that each takes part less often.

    Args:
        federation: which ended.
        store: of its run.

    Returns:
        `epsilon` at `delta`, None without noise; the `sampling_rate` of clients in a round, and in
        how many rounds one took part at most (`participations`).
    """
    clients, privacy = len(federation.cohort.clients), federation.privacy
    asked = federation.strategy.count(clients)
    took_part = Counter(row.client for _, row in store.clients() if row.dropout is None)
    most = max(took_part.values(), default=0)
    noisy = privacy.noise_by is not None
    return {
        "epsilon": epsilon(privacy.multiplier(asked), most) if noisy else None,
        "delta": DELTA if noisy else None,
        "sampling_rate": asked / clients,
        "participations": most,
    }
