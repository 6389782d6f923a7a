# SPDX-License-Identifier: Apache-2.0
"""Who is asked in a round: anybody, equally often, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from myna.federated.client import Order
from myna.federated.strategies import Strategy

ORDER = Order(0, 7, 8, 0.0, 1.0, 1, 1)


@pytest.mark.parametrize("asked", [None, 4, 5])
def test_all_are_asked_where_there_are_no_more(asked: int | None) -> None:
    assert Strategy(asked=asked).sample([3, 5, 8, 9], ORDER) == [3, 5, 8, 9]


def test_each_node_is_asked_as_often_as_any_other() -> None:
    nodes, strategy = [2, 3, 5, 7, 11, 13], Strategy(asked=2)
    chosen = [strategy.sample(nodes, replace(ORDER, server_round=t)) for t in range(1, 1201)]
    assert all(len({*some}) == 2 and some == sorted(some) for some in chosen)
    pairs = Counter(map(tuple, chosen))
    assert len(pairs) == 15
    assert all(50 <= count <= 110 for count in pairs.values())  # 80 expected, deviation 9


def test_a_seed_and_a_round_decide() -> None:
    nodes, strategy = range(100), Strategy(asked=10)
    assert strategy.sample(nodes, ORDER) == strategy.sample(nodes, replace(ORDER))
    assert strategy.sample(nodes, ORDER) != strategy.sample(nodes, replace(ORDER, seed=8))
    assert strategy.sample(nodes, ORDER) != strategy.sample(nodes, replace(ORDER, server_round=1))


def test_of_very_many_a_few_are_drawn_at_once() -> None:
    found = Strategy(asked=30).sample(range(10**15), ORDER)  # no list of them fits into memory
    assert len({*found}) == 30
    assert max(found) > 10**14
