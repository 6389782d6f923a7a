# SPDX-License-Identifier: Apache-2.0
"""The mean of updates is exact, whatever their order, and stays within what training keeps to."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from myna.errors import MynaError
from myna.federated import aggregate as a
from myna.federated.aggregate import Contribution, aggregate
from myna.learn.vector import Vector, to_vector
from myna.names import CLASSES, NAMES, SEED, STEP, THRESHOLD, TYPICAL
from myna.ops.sgd import BIAS_MAX, MASTER_MAX, MASTER_MIN
from myna.passes.bounds import check_values
from myna.passes.execute import initial_values
from myna.passes.memory.plan import Program
from myna.passes.pipeline import Options
from myna.project import open_project
from support import tiny_model

WEIGHT, RESIDUAL, BIAS = "logits.w", "logits.w.residual", "logits.b"


@cache
def program(train: str = "head") -> Program:
    return open_project(tiny_model.folder(), Options(train=train)).program


def built(of: Program) -> bytes:
    return of.pack(initial_values(of.graph))


def changed(of: Program, seed: int) -> bytes:
    """A state that training could have reached: every plane, bias, range and threshold differs."""
    rng = np.random.default_rng(seed)
    values = of.unpack(built(of))
    for name, value in values.items():
        if name.endswith(".tracked"):
            value[:] = rng.integers(2**30, 2**31), rng.integers(-20, 3)
        elif name.endswith(".residual"):
            value[:] = rng.integers(-128, 128, value.shape)
        elif name.endswith(".w"):
            value[:] = rng.integers(-127, 128, value.shape)
        elif name.endswith(".b") or name in (TYPICAL, THRESHOLD):
            value[:] = rng.integers(-(2**14), 2**14, value.shape)
    return of.pack(values)


def update(of: Program, seed: int) -> Vector:
    return to_vector(of, changed(of, seed)) - to_vector(of, built(of))


def test_a_lone_client_gives_its_own_state() -> None:
    for train, exact in (("head", True), ("all", False)):
        of = program(train)
        own = changed(of, 1)
        found = aggregate(of, built(of), [Contribution(0, 7, update(of, 1))])
        assert np.array_equal(to_vector(of, found), to_vector(of, own))
        assert (found == own) is exact  # ranges of "all" keep 24 bits of their mantissas
        for name, value in of.unpack(own).items():
            if name.endswith(".tracked"):
                mantissa, exponent = of.unpack(found)[name]
                assert exponent == value[1]
                assert 0 <= value[0] - mantissa < 64
            else:
                assert np.array_equal(of.unpack(found)[name], value), name


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=8))
def test_equal_updates_come_back_equal(takes: list[int]) -> None:
    of = program("all")
    sent = update(of, 2)
    found = aggregate(of, built(of), [Contribution(i, n, sent) for i, n in enumerate(takes)])
    assert np.array_equal(to_vector(of, found), to_vector(of, changed(of, 2)))


@given(st.permutations(range(5)))
def test_the_order_of_clients_does_not_matter(order: list[int]) -> None:
    of = program()
    sent = [Contribution(i, 3 + 5 * i, update(of, i)) for i in range(5)]
    assert aggregate(of, built(of), sent) == aggregate(of, built(of), [sent[i] for i in order])


def test_takes_weigh_and_halves_are_rounded_away_from_zero() -> None:
    of = program()
    start = changed(of, 9)  # as built, the threshold is as low as it may be
    zero, one = np.zeros_like(update(of, 1)), np.ones_like(update(of, 1))

    def moved(*sent: tuple[int, Vector], rate: Fraction = a.ONE) -> set[int]:
        contributions = [Contribution(i, n, delta) for i, (n, delta) in enumerate(sent)]
        found = aggregate(of, start, contributions, rate)
        return set((to_vector(of, found) - to_vector(of, start)).tolist())

    assert moved((1, one), (1, zero)) == {1}  # a half
    assert moved((1, -one), (1, zero)) == {-1}
    assert moved((1, one), (2, zero)) == {0}
    assert moved((3, 4 * one), (1, zero)) == {3}
    assert moved((1, 4 * one), rate=Fraction(1, 4)) == {1}
    assert moved((1, one), (1, zero), rate=Fraction(3)) == {2}  # one and a half


def test_nothing_overflows_at_the_limits() -> None:
    of = program("all")
    for sign in (1, -1):
        most = np.full_like(update(of, 1), sign * (2**31 - 1))
        half = a.TAKES_MAX // 2 - 1
        found = aggregate(of, built(of), [Contribution(i, half, most) for i in range(2)])
        values = of.unpack(found)
        check_values(of, values)
        master = 256 * values[WEIGHT].astype(int) + values[RESIDUAL]
        assert set(master.flat) == {MASTER_MAX if sign > 0 else MASTER_MIN}
        assert set(values[BIAS].tolist()) == {sign * BIAS_MAX}


def test_what_is_not_averaged_stays_the_servers() -> None:
    of = program()
    values = of.unpack(changed(of, 1))
    for name in (STEP, SEED, CLASSES):
        values[name] += 1
    values[NAMES][:] = 65
    mine = aggregate(of, built(of), [Contribution(0, 1, to_vector(of, of.pack(values)))])
    for name in (STEP, SEED, CLASSES, NAMES):
        assert np.array_equal(of.unpack(mine)[name], of.unpack(built(of))[name])


@pytest.mark.parametrize("takes", [0, -1, a.TAKES_MAX])
def test_weights_that_make_no_sense_are_refused(takes: int) -> None:
    of = program()
    with pytest.raises(MynaError, match="cannot be averaged"):
        aggregate(of, built(of), [Contribution(0, takes, update(of, 1))])


def test_an_update_of_another_size_is_refused() -> None:
    of = program()
    with pytest.raises(MynaError, match="client 3: sent an update of 2 values"):
        aggregate(of, built(of), [Contribution(3, 1, np.zeros(2, np.int32))])
