# SPDX-License-Identifier: Apache-2.0
"""The budget that a federation spent, by dp-accounting."""

from __future__ import annotations

from collections import Counter
from typing import Any

from myna.errors import MynaError, install
from myna.federated.federation import Federation
from myna.federated.store import Store

DELTA = 1e-5


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


def epsilon(multiplier: float, times: int) -> float:
    """The ε at δ = `DELTA` of Gaussian noise that was added several times.

    The accountant's Rényi divergences of the Gaussian bound those of the discrete one (Canonne et
    al. 2020, theorem 4), so its ε holds for both.

    Args:
        multiplier: deviation of the noise over what one client can change.
        times: rounds in which a client took part.

    Raises:
        MynaError: dp-accounting is not installed.
    """
    try:
        from dp_accounting import GaussianDpEvent, SelfComposedDpEvent  # noqa: PLC0415
        from dp_accounting.rdp import RdpAccountant  # noqa: PLC0415
    except ImportError as error:
        what = f"the budget of privacy cannot be computed ({error})"
        raise MynaError(what, fix=install("federated")) from error
    if not times:
        return 0.0
    accountant = RdpAccountant()
    accountant.compose(SelfComposedDpEvent(GaussianDpEvent(multiplier), times))
    return float(accountant.get_epsilon(DELTA))
