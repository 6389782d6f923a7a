# SPDX-License-Identifier: Apache-2.0
"""Thresholds and misses: every count is that of the events themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from myna.evaluation.det import Negatives, Track, missed


def track(*scores: int, period: int = 10) -> Track:
    return Track(np.array(scores, np.int64), period * np.arange(len(scores), dtype=np.int64))


def test_a_word_is_heard_when_its_score_is_reached() -> None:
    assert track(0, 5, 9, 9, 2).events(9, 0) == [20, 30]
    assert track(0, 5, 9, 9, 2).events(9, 11) == [20]
    assert track(0, 5).events(6, 0) == []


def test_false_accepts_of_all_sounds_count() -> None:
    negatives = Negatives([track(1, 7, 1, 7), track(9, 0)], 2.0, 10)
    assert [negatives.false_accepts(least) for least in (10, 9, 8, 7)] == [0, 1, 1, 3]


def test_a_threshold_is_the_least_that_is_reached_seldom_enough() -> None:
    negatives = Negatives([track(1, 7, 1, 8), track(9, 0)], 2.0, 10)
    assert negatives.threshold(1.5) == 7  # three in two hours
    assert negatives.threshold(1.0) == 8
    assert negatives.threshold(0.5) == 9
    assert negatives.threshold(0.1) == 10  # nothing was heard, but for a score beyond all


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=60), st.floats(0.01, 40))
def test_a_threshold_keeps_its_rate(scores: list[int], rate: float) -> None:
    negatives = Negatives([track(*scores)], 1.0, 25)
    least = negatives.threshold(rate)
    assert negatives.false_accepts(least) <= rate


def test_misses_are_counted_in_percent_of_recordings() -> None:
    said = [track(1, 5), track(9), track(), track(3, 5, 4)]
    assert missed(said, 5) == pytest.approx(25.0)
    assert missed(said, 6) == pytest.approx(75.0)
