# SPDX-License-Identifier: Apache-2.0
"""Clipping that holds, noise of the right deviation, replayed by who has its key."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from math import isqrt, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from myna.errors import MynaError
from myna.federated.aggregate import Total, advance
from myna.federated.audit import audit
from myna.federated.privacy.clip import clip
from myna.federated.privacy.noise import gaussian
from myna.federated.privacy.terms import CENTRAL, LOCAL, Privacy, protect, release
from myna.federated.site import Site, Told
from myna.federated.store import Store
from myna.federated.updates import opened
from myna.learn.vector import Form, averaged, to_vector
from myna.passes.pipeline import Options
from myna.project import open_project
from support import tiny_model
from support.federations import HOST, ORDER, cohort, federation, quiet, run

KEY = bytes(range(32))


def norm(update: np.ndarray[Any, np.dtype[Any]]) -> int:
    """Rounded up."""
    square = sum(value**2 for value in update.tolist())
    return isqrt(square - 1) + 1 if square else 0


@given(
    st.lists(st.integers(-(2**31) + 1, 2**31 - 1), min_size=1, max_size=40),
    st.integers(1, 2**30 - 1),
)
def test_no_norm_is_above_the_bound_and_what_is_below_stays(values: list[int], most: int) -> None:
    update = np.array(values, np.int32)
    found = clip(update, most)
    assert norm(found) <= most
    assert found.dtype == np.int32
    if norm(update) <= most:
        assert np.array_equal(found, update)
    else:  # an element loses less than one by each of the two roundings
        exact = update * (most / sqrt(sum(value**2 for value in values)))
        assert np.abs(found - exact).max() < 2 + 2.0**-20 * most


def test_clipping_rounds_towards_zero() -> None:
    assert clip(np.array([30, -40, 1], np.int32), 25).tolist() == [14, -19, 0]  # the norm is 51
    assert clip(np.array([3, -4], np.int32), 5).tolist() == [3, -4]


def test_an_update_is_protected_in_grains_of_its_kinds() -> None:
    program = open_project(tiny_model.folder(), Options(train="all")).program
    kinds = [np.full(part.size, part.form is Form.RANGE) for part in averaged(program)]
    ranges = np.concatenate(kinds)
    assert ranges.any()
    update = np.where(ranges, 3 << 15, 7).astype(np.int32)  # one and a half octaves' 256th
    sent = protect(program, update, 2**29)
    assert set(sent[ranges]) == {2}
    assert set(sent[~ranges]) == {7}
    total = release(program, Total(1, sent.astype(np.int64)), 0, b"")
    assert set(total.vector[ranges]) == {2 << 16}
    assert set(total.vector[~ranges]) == {7}


def test_what_is_asked_of_whom() -> None:
    central = Privacy(False, CENTRAL, 1000, 1.5)
    local, shared = replace(central, noise_by=LOCAL), replace(central, noise_by=LOCAL, secure=True)
    noise = [(one.server_noise, one.client_noise(30)) for one in (central, local, shared)]
    assert noise == [(1500, 0), (0, 1500), (0, 375)]  # 1500 of sixteen, who stay
    assert [one.multiplier(30) for one in (central, local, shared)] == [1.5, 0.75, 1.5]
    assert local.order(ORDER, 30) == replace(ORDER, clip=1000, noise=1500)
    assert Privacy(secure=True).order(ORDER, 30) == ORDER


@pytest.mark.parametrize(
    ("privacy", "message"),
    [
        (Privacy(False, CENTRAL, 2**24, 10.0), "could overflow"),
        (Privacy(False, LOCAL, 2**24, 1.0), "could overflow"),
        (Privacy(False, CENTRAL, 2**24, 0.001), ""),
        (Privacy(True, LOCAL, 100, 0.1), "of 3 is too coarse"),
        (Privacy(False, CENTRAL, 3, 1.0), "of 3 is too coarse"),
        (Privacy(), ""),
    ],
)
def test_terms_that_cannot_be_kept_are_refused(privacy: Privacy, message: str) -> None:
    if message:
        with pytest.raises(MynaError, match=message):
            privacy.check(30)
    else:
        privacy.check(30)


def noisy(privacy: Privacy, **chosen: Any) -> Any:
    return federation(privacy=privacy, order=privacy.order(ORDER, 4), **chosen)


def test_the_server_replays_its_noise_and_clients_their_updates(tmp_path: Path) -> None:
    privacy = Privacy(False, CENTRAL, 3000, 0.5)
    asked = noisy(privacy, rounds=2, audit=8)
    with Store.open(tmp_path / "results.db", {}, resume=False) as store:
        asked.run(store, quiet)
        assert not audit(asked, store, quiet)
        before, after, evidence = store.state(1), store.state(2), store.evidence()
        base = store.base(1)
    with sqlite3.connect(tmp_path / "results.db") as base:
        query = "SELECT noise_key FROM rounds WHERE round > 0 ORDER BY round"
        first, second = (row[0] for row in base.execute(query))
    sent = [
        opened(asked.program, base, piece.data, asked.order)
        for piece in evidence
        if piece.server_round == 2
    ]
    assert max(map(norm, sent)) <= 3000
    total = Total(len(sent), np.sum(sent, axis=0, dtype=np.int64))
    replayed = [
        advance(asked.program, before, release(asked.program, total, 1500, key))
        for key in (first, second)
    ]
    assert [state == after for state in replayed] == [False, True]


def test_noise_of_clients_is_new_each_time_and_hides_what_else_they_would_say() -> None:
    privacy = Privacy(False, LOCAL, 3000, 0.5)
    site, order = Site(cohort().clients, (HOST,)), privacy.order(ORDER, 4)
    start = federation().start()
    order = replace(order, server_round=1)
    plain, _ = site.train(0, Told(start), replace(order, noise=0), None)
    done, _ = site.train(0, Told(start), order, None, KEY)
    site.close()
    clear, noisy_one = (opened(site.program, start, one.data, order) for one in (plain, done))
    assert np.array_equal(noisy_one - clear, gaussian(KEY, 1500, clear.size))
    assert (done.takes, done.accuracy, done.steps) == (1, None, 0)
    assert plain.takes == 1
    assert run(noisy(privacy)) != run(noisy(privacy))


def test_shares_of_noise_in_a_secure_sum_add_up() -> None:
    """The state moves from that without noise by about the deviation over the clients."""
    privacy = Privacy(True, LOCAL, 200_000, 0.2)
    quiet_one = replace(privacy, noise_by=None)
    clipped = replace(ORDER, clip=privacy.clip)
    states = (
        run(noisy(privacy, rounds=1)),
        run(federation(privacy=quiet_one, order=clipped, rounds=1)),
    )
    program = federation().program
    moved = np.subtract(*(to_vector(program, state).astype(float) for state in states))
    kinds = [np.full(part.size, part.form is Form.MASTER) for part in averaged(program)]
    weights = np.concatenate(kinds)
    wanted = 0.2 * 200_000 * sqrt(4 / 3) / 4  # three of the four clients are enough noise
    assert 0.6 * wanted < moved[weights].std() < 1.4 * wanted
