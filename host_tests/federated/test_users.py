# SPDX-License-Identifier: Apache-2.0
"""Who is verified and who tries in vain: nobody is both, and no take is trained and examined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from myna.audio.dataset import Clip, split_of
from myna.audio.decode import SUFFIXES
from myna.errors import MynaError
from myna.federated.users import EXAMINED, NOBODY, WARM_UP, Users, gather, speakers_of
from myna.learn.examples import Examples

SHOTS = 2


def folder(
    place: Path, takes: Mapping[str, int], *, flat: bool = False, suffix: str = ".wav"
) -> Path:
    for speaker, count in takes.items():
        for take in range(count):
            path = place / ("" if flat else "abc"[take % 3]) / f"{speaker}_{take}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return place


def read(
    clips: Sequence[Clip], classes: Mapping[str, int], title: str
) -> tuple[tuple[Clip, ...], Examples]:
    """Features that tell speaker and take."""
    said = [[ord(clip.speaker[0]), clip.take] for clip in clips]
    return tuple(clips), Examples(np.array(said, np.int8)[:, None], np.zeros(len(clips), int))


def gathered(data: Path, most: int = 9, heard: Sequence[str] = ()) -> Users:
    return gather(data, SHOTS, most, heard, 1, read)


def who(features: np.ndarray) -> list[str]:
    return [chr(code) for code in features[:, 0, 0]]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("flat", [False, True])
def test_both_forms_of_a_folder_are_read(flat: bool, suffix: str, tmp_path: Path) -> None:
    found = speakers_of(folder(tmp_path, {"a": 3, "b": 1}, flat=flat, suffix=suffix))
    assert {name: len(own) for name, own in found.items()} == {"a": 3, "b": 1}


def test_noise_beside_the_takes_is_no_word(tmp_path: Path) -> None:
    data = folder(tmp_path, {"a": 3, "b": 1}, flat=True)
    (data / "_background_noise_").mkdir()
    (data / "_background_noise_" / "hum.wav").touch()
    assert set(speakers_of(data)) == {"a", "b"}


def test_a_file_beside_the_words_does_not_hide_them(tmp_path: Path) -> None:
    data = folder(tmp_path, {"a": 3, "b": 1})
    (data / "stray_0.wav").touch()
    assert set(speakers_of(data)) == {"a", "b"}


def test_a_user_whose_takes_cannot_be_read_is_named(tmp_path: Path) -> None:
    data = folder(tmp_path, dict.fromkeys("abcdef", 9))

    def some(clips: Sequence[Clip], classes: Mapping[str, int], title: str) -> Any:
        return read([clip for clip in clips if clip.speaker != clips[0].speaker], classes, title)

    with pytest.raises(MynaError, match=r"of speaker . 0 takes can be used, not 3"):
        gather(data, SHOTS, 3, (), 1, some)


def test_every_take_has_one_use(tmp_path: Path) -> None:
    takes = {"a": 9, "b": 8, "c": 7, "d": 4, "e": 4}
    users = gathered(folder(tmp_path, takes), 2)
    names = [user.speaker for user in users.seen]
    assert len(names) == 2
    assert users.unseen == 3
    for number, user in enumerate(users.seen):
        assert len(user.enrolled) == SHOTS
        assert set(user.enrolled.labels) == {number}
        assert len(user.warm_up) == min(WARM_UP, (takes[user.speaker] - SHOTS) // 2)
        own = users.examined[users.owner == number]
        used = [*user.enrolled.features, *user.warm_up.features, *own]
        assert set(who(np.array(used))) == {user.speaker}
        assert sorted(int(one[0, 1]) for one in used) == list(range(takes[user.speaker]))
    strangers = set(who(users.examined[users.owner == NOBODY]))
    assert strangers == set(takes) - set(names)


def test_those_held_out_of_training_come_first(tmp_path: Path) -> None:
    names = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    held_out = {name for name in names if split_of(name) != "train"}
    users = gathered(folder(tmp_path, dict.fromkeys(names, 5)), len(held_out))
    assert {user.speaker for user in users.seen} == held_out


def test_at_most_half_are_users_and_nobody_heard(tmp_path: Path) -> None:
    users = gathered(folder(tmp_path, dict.fromkeys("abcdefg", 6)), heard=["a"])
    assert len(users.seen) == 3
    assert users.unseen == 3
    assert "a" not in {user.speaker for user in users.seen}
    assert "a" not in set(who(users.examined))


def test_so_many_takes_are_enough(tmp_path: Path) -> None:
    users = gathered(folder(tmp_path, dict.fromkeys("abcd", 90)))
    assert [sum(users.owner == n) for n in (0, 1)] == [EXAMINED] * 2


@pytest.mark.parametrize("takes", [{"a": 9, "b": 9, "c": 9}, {"a": 9, "b": 3, "c": 3, "d": 3}])
def test_too_few_are_refused(takes: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(MynaError, match="more than 3 takes"):
        gathered(folder(tmp_path, takes))
