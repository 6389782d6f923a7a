# SPDX-License-Identifier: Apache-2.0
"""Words that a folder teaches: what is left out, what is refused, how sure they must be."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from myna.audio.files import write_wav
from myna.errors import MynaError
from myna.learn.detect import FULL
from myna.project import Project, open_project
from myna.sessions.wake_words import WakeWord, teach_words
from support import tiny_model, wake_words


@pytest.fixture(scope="module")
def project() -> Project:
    return open_project(wake_words.folder(), wake_words.STREAMING)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return wake_words.recordings(tmp_path / "data")


def teach(
    project: Project, data: Path, rate: float = 0.5
) -> tuple[Mapping[int, WakeWord], list[MynaError]]:
    problems: list[MynaError] = []
    return teach_words(
        project.library().listening(), project, data, rate, problems.append
    ), problems


def test_a_word_is_every_folder(project: Project, data: Path) -> None:
    words, problems = teach(project, data)
    assert [(word.name, word.takes) for word in words.values()] == [("one", 3), ("three", 3)]
    assert all(0 < word.threshold < FULL for word in words.values())
    assert not problems


def test_rarer_false_accepts_ask_for_more(project: Project, data: Path) -> None:
    often, seldom = (teach(project, data, rate)[0] for rate in (50.0, 0.05))
    for one, other in zip(often.values(), seldom.values(), strict=True):
        assert one.threshold < other.threshold


def test_an_unfit_recording_is_left_out_and_said(project: Project, data: Path) -> None:
    write_wav(data / "one" / "me_8.wav", tiny_model.tone("one", 1) // 400)
    (data / "one" / "me_9.wav").write_bytes(b"RIFF")
    words, problems = teach(project, data)
    assert words[0].takes == 3
    names = [Path(problem.where).name for problem in problems]
    assert names == ["me_8.wav", "me_9.wav"]
    assert "too quiet" in problems[0].what
    assert all(problem.fix for problem in problems)


def test_a_word_without_a_fit_recording_is_refused(project: Project, data: Path) -> None:
    (data / "noise").mkdir()
    noise = np.random.default_rng(1).normal(0, 3000, 16000).astype(np.int16)
    write_wav(data / "noise" / "me_1.wav", noise)
    with pytest.raises(MynaError, match="no recording of it is fit") as caught:
        teach(project, data)
    assert caught.value.where == str(data / "noise")


@pytest.mark.parametrize("name", ["\x1b[2J", "ONE", "w" * 25])
def test_a_folder_that_can_be_no_word_is_refused(name: str, project: Project, data: Path) -> None:
    shutil.copytree(data / "one", data / name)
    with pytest.raises(MynaError, match=r"is no word|is known as|bytes"):
        teach(project, data)


def test_more_words_than_there_is_room_for_are_refused(project: Project, data: Path) -> None:
    room = project.library().listening().room
    for number in range(room - 1):
        shutil.copytree(data / "one", data / f"word {number}")
    with pytest.raises(MynaError, match=f"{room + 1} words, and {room} at most") as caught:
        teach(project, data)
    assert caught.value.where == str(data)
    assert caught.value.fix


def test_without_stored_negatives_the_remedy_is_named(data: Path) -> None:
    bare = open_project(tiny_model.folder(), wake_words.STREAMING)
    with pytest.raises(MynaError, match="no stored negatives") as caught:
        teach(bare, data)
    assert "myna negatives" in caught.value.fix
