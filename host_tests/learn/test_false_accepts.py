# SPDX-License-Identifier: Apache-2.0
"""A threshold by a few minutes of sound holds for hours of the same kind."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from myna.errors import MynaError
from myna.learn.false_accepts import threshold

PER_SECOND = 25


def sound(seconds: int, seed: int) -> npt.NDArray[np.int32]:
    """Scores of independent decisions, with the tail of a normal distribution."""
    normal = np.random.default_rng(seed).normal(0, 1_000_000, PER_SECOND * seconds)
    return normal.astype(np.int32)


def events_per_hour(least: int, hours: int = 20) -> float:
    scores = sound(3600 * hours, 99)
    return float((scores.reshape(-1, PER_SECOND).max(1) >= least).sum()) / hours


@pytest.mark.parametrize("rate", [20.0, 2.0, 0.5])
def test_five_minutes_tell_what_is_rare_in_an_hour(rate: float) -> None:
    found = [events_per_hour(threshold(sound(300, s), PER_SECOND, rate)) for s in range(6)]
    assert rate / 8 < np.median(found) + 0.05
    assert np.median(found) < 4 * rate


def test_rarer_takes_a_higher_score() -> None:
    scores = sound(300, 1)
    levels = [threshold(scores, PER_SECOND, rate) for rate in (50.0, 5.0, 0.5, 0.05)]
    assert levels == sorted(set(levels))


def test_threshold_moves_with_the_scores() -> None:
    scores = sound(300, 1)
    assert threshold(scores + 1000, PER_SECOND, 1.0) == threshold(scores, PER_SECOND, 1.0) + 1000


def test_too_little_sound_is_refused() -> None:
    with pytest.raises(MynaError, match="too few"):
        threshold(sound(8, 1), PER_SECOND, 1.0)
