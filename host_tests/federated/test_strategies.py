# SPDX-License-Identifier: Apache-2.0
"""Who is asked in a round: anybody, equally often, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from myna.errors import MynaError
from myna.federated.client import Order
from myna.federated.strategies import STRATEGIES, Strategy
from myna.passes.memory.plan import Program
from myna.passes.pipeline import Options
from myna.project import open_project
from support import tiny_model

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


def test_what_is_given_replaces_what_a_strategy_has() -> None:
    own, other = STRATEGIES["fedprox"], STRATEGIES["fedprox"].adapted(9, 30, 0.0)
    assert own.adapted(None, 30, None) == own
    assert (other.asked, other.proximal, own.proximal) == (9, 0.0, 0.25)


def test_clients_are_told_what_a_strategy_asks_for() -> None:
    both = {name: STRATEGIES[name].order(ORDER, tiny("all")) for name in ("fedprox", "fedper")}
    assert (both["fedprox"].proximal, both["fedper"].proximal) == (64, 0)
    assert not both["fedprox"].private(tiny("all"))
    assert both["fedper"].private(tiny("all")) == {"logits.w", "logits.b", "typical", "threshold"}
    with pytest.raises(MynaError, match="nothing would be shared"):
        STRATEGIES["fedper"].order(ORDER, tiny("head"))


def test_a_head_can_only_be_kept_where_there_is_one() -> None:
    program = tiny("all")
    first = program.graph.nodes[0].outputs[0]
    headless = replace(program, graph=replace(program.graph, outputs=(first,)))
    with pytest.raises(MynaError, match="no head could stay private"):
        STRATEGIES["fedper"].order(ORDER, headless)
    assert STRATEGIES["fedavg"].order(ORDER, headless) == ORDER


def tiny(train: str) -> Program:
    return open_project(tiny_model.folder(), Options(train=train)).program


def test_a_seed_and_a_round_decide() -> None:
    nodes, strategy = range(100), Strategy(asked=10)
    assert strategy.sample(nodes, ORDER) == strategy.sample(nodes, replace(ORDER))
    assert strategy.sample(nodes, ORDER) != strategy.sample(nodes, replace(ORDER, seed=8))
    assert strategy.sample(nodes, ORDER) != strategy.sample(nodes, replace(ORDER, server_round=1))


def test_of_very_many_a_few_are_drawn_at_once() -> None:
    found = Strategy(asked=30).sample(range(10**15), ORDER)  # no list of them fits into memory
    assert len({*found}) == 30
    assert max(found) > 10**14
