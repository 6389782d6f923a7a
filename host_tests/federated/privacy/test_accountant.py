# SPDX-License-Identifier: Apache-2.0
"""The budget of privacy: of the client who took part most often."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dp_accounting import get_epsilon_gaussian
from myna.federated.privacy.accountant import budget
from myna.federated.privacy.epsilon import epsilon
from myna.federated.privacy.terms import CENTRAL, PLAIN, Privacy
from myna.federated.store import Store
from myna.federated.strategies import STRATEGIES
from support.federations import ORDER, federation, quiet


def test_epsilon_is_that_of_the_gaussian_mechanism() -> None:
    """Between the exact value of T rounds, as one of a √T-th of the noise, and 15 % more."""
    for multiplier, times in ((1.0, 1), (1.0, 20), (4.0, 10)):
        exact = get_epsilon_gaussian(multiplier / times**0.5, 1e-5)
        assert exact <= epsilon(multiplier, times) <= 1.15 * exact


def test_more_noise_or_fewer_rounds_cost_less() -> None:
    assert epsilon(1.0, 20) > epsilon(1.0, 10) > epsilon(2.0, 10) > epsilon(9.0, 1) > 0
    assert epsilon(1.0, 0) == 0.0


@pytest.mark.parametrize("strategy", ["fedavg", "reptile"])
def test_the_client_who_took_part_most_often_counts(strategy: str) -> None:
    privacy = Privacy(False, CENTRAL, 3000, 2.0)
    order = replace(privacy.order(ORDER, 4), dropout=0.2)
    asked = federation(privacy=privacy, order=order, rounds=5, strategy=STRATEGIES[strategy])
    with Store.open(None, {}, resume=False) as store:
        asked.run(store, quiet)
        rounds = [
            sum(row.client == client and not row.dropout for _, row in store.clients())
            for client in range(4)
        ]
        found = budget(asked, store)
        plain = budget(replace(asked, privacy=PLAIN), store)
    assert 0 < max(rounds) <= 5
    assert found["participations"] == max(rounds)
    assert found["epsilon"] == epsilon(2.0, max(rounds))
    assert found["delta"] == 1e-5
    assert found["sampling_rate"] == (1.0 if strategy == "fedavg" else 0.25)
    assert (plain["epsilon"], plain["delta"]) == (None, None)
