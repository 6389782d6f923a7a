# SPDX-License-Identifier: Apache-2.0
"""Federations whose updates are masked: the same states, whoever is lost, and no update is seen."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from myna.errors import MynaError
from myna.federated.client import Order
from myna.federated.client_app import kept_of, order_of, to_update
from myna.federated.flower import Context, Message
from myna.federated.local_grid import LocalGrid
from myna.federated.privacy.terms import PLAIN, Privacy
from myna.federated.secure.client_app import KEYS, MASKED, PARCELS, REVEAL, SHARES
from myna.federated.secure.masks import TAKES_MAX
from myna.federated.store import ClientRow, Store
from myna.federated.strategies import STRATEGIES
from myna.federated.updates import opened
from myna.ops.sgd import MASTER_MAX, MASTER_MIN
from support.federations import ORDER, Answer, federation, quiet, run, through

SECURE = Privacy(secure=True)
STAGES = (KEYS, SHARES, MASKED, REVEAL)


def lose(lost: Mapping[str, set[int]], answer: Answer, message: Message, context: Context) -> Any:
    """Some partitions fail at some stages, after they did what they were asked for."""
    reply = answer(message, context)
    if context.node_id - 1 in lost.get(message.metadata.message_type, ()):
        raise ValueError(f"lost at {message.metadata.message_type}")
    return reply


def masked(lost: Mapping[str, set[int]], **chosen: Any) -> tuple[bytes, list[ClientRow]]:
    """The last state of one round of which some are lost, and what became of the clients."""
    asked = federation(privacy=SECURE, rounds=1, **chosen)
    asked = replace(asked, make_app=partial(through, partial(lose, lost)))
    with Store.open(None, {}, resume=False) as store:
        state = asked.run(store, quiet)
        return state, [row for _, row in store.clients()]


def plain(without: int) -> bytes:
    """The state of a round that misses a client."""

    def fails(answer: Answer, message: Message, context: Context) -> Message:
        if context.node_id - 1 == without:
            raise ValueError("lost")
        return answer(message, context)

    return run(federation(rounds=1, make_app=partial(through, fails)))


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_state_is_that_of_updates_in_the_clear(jobs: int) -> None:
    assert run(federation(privacy=SECURE, jobs=jobs)) == run(federation())


@pytest.mark.parametrize("stage", [KEYS, SHARES, MASKED])
def test_who_is_lost_before_its_update_arrived_is_left_out(stage: str) -> None:
    state, rows = masked({stage: {1}})
    assert state == plain(1)
    assert [row.dropout for row in rows] == [None, f"ValueError('lost at {stage}')", None, None]


def test_who_is_lost_after_its_update_arrived_is_in_the_sum() -> None:
    state, rows = masked({REVEAL: {1}})
    assert state == run(federation(rounds=1))
    assert [row.dropout for row in rows] == [None] * 4


@pytest.mark.parametrize("stage", STAGES)
def test_a_round_with_too_few_clients_changes_nothing_and_says_why(stage: str) -> None:
    state, rows = masked({stage: {0, 3}})
    assert state == federation().start()
    reason = "round given up: secure sum: 2 of 4 clients are left, 3 needed"
    own = f"ValueError('lost at {stage}')"
    assert [row.dropout for row in rows] == [own, reason, reason, own]


def test_when_all_are_lost_the_first_says_why() -> None:
    with pytest.raises(MynaError, match=r"no client could learn.*lost at train.masked"):
        masked({MASKED: {0, 1, 2, 3}})


def lost(order: Order) -> list[int]:
    """How many of four drop out in each of six rounds."""
    rounds = [replace(order, server_round=number) for number in range(1, 7)]
    return [sum(map(one.drops, range(4))) for one in rounds]


def test_dropouts_at_random_leave_the_sum_of_the_others() -> None:
    orders = (replace(ORDER, dropout=0.1, seed=seed) for seed in range(100))
    order = next(order for order in orders if max(lost(order)) == 1)  # else rounds are given up
    asked = federation(order=order, privacy=SECURE, rounds=6)
    assert run(asked) == run(replace(asked, privacy=PLAIN))


def test_the_server_sees_no_update_no_takes_and_no_accuracy() -> None:
    """All that it received, but for what it was told of keys, differs from one run to the next."""
    seen: list[bytes] = []
    updates: list[bytes] = []

    def tap(kept: list[bytes], answer: Answer, message: Message, context: Context) -> Message:
        reply = answer(message, context)
        kept.append(pickle.dumps(reply.content))
        if not reply.content.config_records:
            data, known = to_update(reply.content).data, kept_of(context.state)
            assert known is not None
            update = opened(federation().program, known.base, data, order_of(message))
            updates.extend((data, update.astype("<i4").tobytes()))
        return reply

    run(federation(rounds=1, make_app=partial(through, partial(tap, []))))
    run(federation(rounds=1, privacy=SECURE, make_app=partial(through, partial(tap, seen))))
    assert (len(updates), len(seen)) == (8, 4 * len(STAGES))
    everything = b"".join(seen)
    assert b"accuracy" not in everything
    for update in updates:
        values = np.frombuffer(update[: len(update) // 4 * 4], "<i4")
        for at in np.flatnonzero(values[:-2]):
            assert update[4 * at : 4 * at + 12] not in everything


def test_no_stage_is_repeated_with_the_same_secrets() -> None:
    reasons = []

    def again(answer: Answer, message: Message, context: Context) -> Message:
        reply = answer(message, context)
        with pytest.raises(MynaError, match="asked out of turn") as error:
            answer(message, context)
        reasons.append(str(error.value))
        return reply

    def but_keys(answer: Answer, message: Message, context: Context) -> Message:
        first = message.metadata.message_type == KEYS
        return answer(message, context) if first else again(answer, message, context)

    secure = federation(rounds=1, privacy=SECURE, make_app=partial(through, but_keys))
    assert run(secure) == run(federation(rounds=1))
    assert len(reasons) == 4 * 3


def test_a_round_is_not_given_up_where_the_grid_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(grid: LocalGrid, messages: object, *, timeout: float | None = None) -> object:
        raise MynaError("a process was ended", where="federation")

    monkeypatch.setattr(LocalGrid, "send_and_receive", ended)
    with pytest.raises(MynaError, match="a process was ended"):
        run(federation(privacy=SECURE))


def test_who_sends_other_parcels_than_asked_is_left_out() -> None:
    def wrong(answer: Answer, message: Message, context: Context) -> Message:
        reply = answer(message, context)
        if context.node_id == 2 and message.metadata.message_type == SHARES:
            del reply.content.config_records[PARCELS]["4"]
        return reply

    asked = federation(rounds=1, privacy=SECURE, make_app=partial(through, wrong))
    with Store.open(None, {}, resume=False) as store:
        assert asked.run(store, quiet) == plain(1)
        reasons = [row.dropout for _, row in store.clients()]
    assert reasons == [None, "sent other parcels than it was asked for", None, None]


def test_a_round_whose_seeds_are_wrong_is_given_up() -> None:
    def wrong(answer: Answer, message: Message, context: Context) -> Message:
        reply = answer(message, context)
        if context.node_id == 2 and message.metadata.message_type == REVEAL:
            parcels = reply.content.config_records[PARCELS]
            parcels["3"] = bytes(16)
        return reply

    asked = federation(rounds=1, privacy=SECURE, make_app=partial(through, wrong))
    with Store.open(None, {}, resume=False) as store:
        assert asked.run(store, quiet) == asked.start()
        reasons = {row.dropout for _, row in store.clients()}
    assert reasons == {"round given up: node 3: its shares do not make the seed that it announced"}


def test_a_strategy_that_asks_one_client_keeps_no_secret() -> None:
    with pytest.raises(MynaError, match="of 1 clients with 8 takes each no secret sum"):
        run(federation(privacy=SECURE, strategy=STRATEGIES["reptile"]))


def test_takes_that_could_overflow_the_sum_are_refused() -> None:
    with pytest.raises(MynaError, match="fewer than 32768 takes in all"):
        run(federation(privacy=SECURE, order=replace(ORDER, most=2**13)))


def test_no_sum_of_weights_can_overflow() -> None:
    assert (TAKES_MAX - 1) * (MASTER_MAX - MASTER_MIN) < 2**31
