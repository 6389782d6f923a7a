# SPDX-License-Identifier: Apache-2.0
"""Receiver operating characteristics over users, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from myna.evaluation.roc import Curve, Trials


def trials(genuine: list[float], impostors: list[float]) -> Trials:
    return Trials(np.array(genuine, float), np.array(impostors, float))


def test_users_who_are_told_apart_have_no_errors() -> None:
    curve = Curve([trials([3, 4], [1, 2]), trials([5], [0, 1, 2])])
    assert curve.equal_error_rate() == 0
    assert curve.true_positives(0) == 100


def test_equal_scores_go_together() -> None:
    """Whoever accepts one of them accepts all: nothing is gained by their order."""
    curve = Curve([trials([1, 1], [1, 1])])
    assert curve.true_positives(99) == 0
    assert curve.true_positives(100) == 100
    assert curve.equal_error_rate() == pytest.approx(50)


def test_each_user_weighs_alike() -> None:
    many, one = trials([1] * 9, [0] * 5), trials([0], [1])
    assert Curve([many, one]).equal_error_rate() == pytest.approx(50)
    assert Curve([many, many, one]).equal_error_rate() == pytest.approx(100 / 3)


def test_a_rate_between_two_thresholds_is_that_of_the_higher_one() -> None:
    curve = Curve([trials([9, 6, 3, 0], [8, 5, 2, 1])])
    assert [curve.true_positives(share) for share in (0, 24, 25, 50)] == [25, 25, 50, 75]
    assert curve.equal_error_rate() == pytest.approx(50)
