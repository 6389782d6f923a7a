# SPDX-License-Identifier: Apache-2.0
"""Who learns and who is examined: never the same, and alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from myna.audio.dataset import Clip
from myna.errors import MynaError
from myna.federated.cohort import UNSEEN, choose


def clips(takes: list[int]) -> list[Clip]:
    """So many takes of a word by speakers a, b, …"""
    return [
        Clip("word", f"s{speaker:03}", take, Path("x"))
        for speaker, count in enumerate(takes)
        for take in range(count)
    ]


def test_both_groups_have_as_much_to_say() -> None:
    learning, unseen = choose(clips([9, 8, 7, 6, 5, 4, 3, 2]), 4, 1, ())
    assert unseen == ("s000", "s002", "s004", "s006")
    assert learning == ("s001", "s003", "s005", "s007")


def test_of_many_speakers_those_with_the_most_takes_take_part() -> None:
    learning, unseen = choose(clips([2] * 50 + [5] * 50), 10, 1, ())
    assert (len(learning), len(unseen)) == (10, UNSEEN)
    assert {*learning, *unseen} == {f"s{speaker:03}" for speaker in range(50, 90)}


def test_whom_the_model_heard_may_learn_and_is_not_examined() -> None:
    learning, unseen = choose(clips([3, 3, 3, 3]), 2, 1, ("s000", "s002"))
    assert (learning, unseen) == (("s000", "s002"), ("s001", "s003"))


def test_who_has_takes_beyond_those_to_enroll_comes_first() -> None:
    said = [
        *clips([2, 2, 4]),
        Clip("other", "s000", 0, Path("x")),
        Clip("more", "s000", 0, Path("x")),
    ]
    assert choose(said, 1, 2, ()) == (("s001",), ("s000", "s002"))
    assert choose(said, 2, 2, ()) == (("s000", "s001"), ("s002",))


@pytest.mark.parametrize("clients", [2, 3])
def test_too_few_speakers_are_refused(clients: int) -> None:
    with pytest.raises(MynaError, match="are too few"):
        choose(clips([5, 5]), clients, 1, ())


@given(st.lists(st.integers(1, 6), min_size=3, max_size=60), st.integers(1, 40), st.data())
def test_nobody_is_in_both_groups(takes: list[int], clients: int, draw: st.DataObject) -> None:
    said = clips(takes)
    try:
        learning, unseen = choose(said, clients, 1, ())
    except MynaError:
        return
    assert len({*learning, *unseen}) == len(learning) + len(unseen)
    assert len(learning) == clients
    shuffled = draw.draw(st.permutations(said))
    assert choose(shuffled, clients, 1, ()) == (learning, unseen)
