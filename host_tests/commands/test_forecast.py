# SPDX-License-Identifier: Apache-2.0
"""How long something will take is told once, and right if its pace stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from myna.commands.forecast import AFTER, Forecast


def told(steps: Sequence[tuple[int, int]], pace: float) -> list[float]:
    """What is told of steps (done, total), which take so many seconds each."""
    found: list[float] = []
    done: Iterator[int] = iter([done for done, _ in steps])
    forecast = Forecast(found.append, lambda: pace * next(done))
    for step in steps:
        forecast.report(*step)
    return found


@pytest.mark.parametrize("begun", [0, 1000])
def test_seconds_that_remain_are_told_once(begun: int) -> None:
    steps = [(begun + i, begun + 100) for i in range(101)]
    seconds = told(steps, 0.5)
    assert seconds == [pytest.approx(50 - AFTER)]


def test_what_is_done_soon_is_not_told() -> None:
    assert not told([(i, 100) for i in range(101)], AFTER / 200)


def test_more_to_do_than_was_thought_is_told() -> None:
    steps = [(i, 100) for i in range(101)] + [(i, 900) for i in range(101, 150)]
    assert told(steps, 0.5) == [pytest.approx(47), pytest.approx(0.5 * (900 - 101))]


def test_nothing_is_told_before_a_step_is_done() -> None:
    assert not told([(0, 10)] * 3, 10.0)
