# SPDX-License-Identifier: Apache-2.0
"""How often it is said of a new word that it sounds like a known one: rightly, and in vain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from myna.audio.dataset import Clip, scan
from myna.audio.files import read_recording
from myna.device import target
from myna.device.session import Board
from myna.errors import MynaError
from myna.learn.examples import Progress
from myna.passes.pipeline import Options
from myna.project import MODELS, Project, open_project
from myna.sessions import enroll
from myna.sessions.confusion import Confusion, find_confusion
from myna.sessions.recordings import Take

TAKES, USERS, WORDS = 3, 6, 6


@contextmanager
def quiet(title: str) -> Iterator[Progress]:
    yield lambda done, total: None


def examine(session: Board, project: Project, clips: list[Clip]) -> Confusion:
    """Takes as of a new word, which is forgotten again."""
    takes = [Take(clip.path, read_recording(clip.path)) for clip in clips]
    label = session.status().classes
    slots = enroll.send(session, takes, label, lambda done, total: None)
    found = find_confusion(session, project.program, slots, label)
    for slot in slots:
        session.empty(slot)
    return found


@pytest.mark.data
def test_the_same_word_is_found_and_others_hardly_ever_are(data_dir: Path) -> None:
    project = open_project(MODELS / "kws", Options(train="head"))
    clips = list(scan(data_dir / "arabic_speech_commands"))
    same, other = list[bool](), list[bool]()
    with target.start("host", project.firmware("host").elf) as port, Board.connect(port) as session:
        for user in sorted({clip.speaker for clip in clips})[-USERS:]:
            session.reset_state()
            session.clear_clips()
            words: dict[str, list[Clip]] = {}
            for clip in clips:
                if clip.speaker == user:
                    words.setdefault(clip.word, []).append(clip)
            for word in np.random.default_rng(1).permutation(sorted(words))[:WORDS]:
                own = words[word]
                with suppress(MynaError):  # some recordings are unfit
                    other.append(bool(examine(session, project, own[:TAKES])))
                    takes = [Take(c.path, read_recording(c.path)) for c in own[:TAKES]]
                    label = enroll.class_of(str(word), session)
                    enroll.teach(session, project.program, takes, label, str(word), quiet)
                    again = examine(session, project, own[TAKES : 2 * TAKES])
                    same.append(word in again.words and bool(again))
    print(
        f"same word {np.mean(same):.2f} of {len(same)}, other {np.mean(other):.2f} of {len(other)}"
    )
    assert len(same) > USERS * WORDS / 2
    assert np.mean(same) > 0.6
    assert np.mean(other) < 0.2
