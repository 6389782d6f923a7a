# SPDX-License-Identifier: Apache-2.0
"""A threshold by an hour of sound holds for many hours of the same kind."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from myna.errors import MynaError
from myna.learn.false_accepts import threshold

PER_SECOND = 25
PER_HOUR = 3600 * PER_SECOND


def sound(seconds: int, seed: int) -> npt.NDArray[np.int32]:
    """Scores of independent decisions, with the tail of a normal distribution."""
    normal = np.random.default_rng(seed).normal(0, 1_000_000, PER_SECOND * seconds)
    return normal.astype(np.int32)


def events_per_hour(least: int, hours: int = 20) -> float:
    scores = sound(3600 * hours, 99)
    return float((scores.reshape(-1, PER_SECOND).max(1) >= least).sum()) / hours


@pytest.mark.parametrize("rate", [20.0, 2.0, 0.5])
def test_an_hour_tells_what_is_rarer(rate: float) -> None:
    found = [events_per_hour(threshold(sound(3600, s), PER_HOUR, rate)) for s in range(6)]
    assert rate / 2.5 < np.mean(found) < 2.5 * rate


def test_scores_that_have_a_bound_are_not_exceeded() -> None:
    """An exponential tail asks for more than the largest score of all."""
    scores = np.random.default_rng(1).integers(0, 1_000_000, 1800 * PER_SECOND, np.int32)
    assert 999_000 < threshold(scores, PER_HOUR, 0.5) < 1_001_000


def test_equal_scores_are_their_own_threshold() -> None:
    assert threshold(np.full(300 * PER_SECOND, 7, np.int32), PER_HOUR, 0.5) == 7


def test_rarer_takes_a_higher_score() -> None:
    scores = sound(300, 1)
    levels = [threshold(scores, PER_HOUR, rate) for rate in (50.0, 5.0, 0.5, 0.05)]
    assert levels == sorted(set(levels))


def test_threshold_moves_with_the_scores() -> None:
    scores = sound(300, 1)
    assert threshold(scores + 1000, PER_HOUR, 1.0) == threshold(scores, PER_HOUR, 1.0) + 1000


def test_a_heavy_tail_asks_for_no_more_than_a_board_can_be_told() -> None:
    heavy = np.random.default_rng(1).pareto(1.0, 3600 * PER_SECOND) * 100_000
    scores = heavy.clip(0, 2**31 - 1).astype(np.int32)
    assert threshold(scores, PER_HOUR, 0.001) == 2**31 - 1


def test_too_little_sound_is_refused() -> None:
    with pytest.raises(MynaError, match="too few"):
        threshold(sound(8, 1), PER_HOUR, 1.0)
