# SPDX-License-Identifier: Apache-2.0
"""Listening piece by piece is detecting in the whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from myna.audio.config import RATE
from myna.engines.listening import HostListening
from myna.evaluation.sound import Clock
from myna.learn.detect import Event, Rule, detect
from myna.learn.listening import REFRACTORY
from myna.passes.training.imprint import head_of
from myna.project import Project, open_project
from myna.sessions.wake_words import WakeWord, teach_words
from support import wake_words

Taught = tuple[HostListening, Project, tuple[WakeWord, ...]]


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Taught:
    project = open_project(wake_words.folder(), wake_words.STREAMING)
    data = wake_words.recordings(tmp_path_factory.mktemp("words") / "data")
    listening = project.listening()
    return listening, project, teach_words(listening, project, data, 0.5, print)


def whole(taught: Taught, thresholds: tuple[int, ...]) -> tuple[Event, ...]:
    """The events of `detect`, asked about all of the sound at once."""
    listening, project, words = taught
    assert project.streaming is not None
    stream = project.library().stream(project.streaming)
    heard = np.array([stream.embedding for _ in stream.push(wake_words.sound())], np.int16)
    source = project.program.graph.tensors[head_of(project.program.graph).inputs[0]]
    clock = Clock.of(project.streaming, project.package.front_end)
    return detect(
        heard - np.int16(source.zero_point),
        clock.streamed(len(heard)).astype(np.uint32),
        project.space,
        [listening.template(label) for label in range(len(words))],
        Rule(clock.period, REFRACTORY, thresholds),
    )


@pytest.mark.parametrize("piece", [160, 1601, 48000])
@pytest.mark.parametrize("share", [1.0, 0.2])
def test_pieces_of_any_size_give_the_events_of_the_whole(
    piece: int, share: float, taught: Taught, tmp_path: Path
) -> None:
    listening, _, words = taught
    thresholds = tuple(round(share * word.threshold) for word in words)
    for label, threshold in enumerate(thresholds):
        listening.set_threshold(label, threshold)
    pcm = wake_words.sound()
    listening.begin()
    heard = [listening.push(pcm[at : at + piece]) for at in range(0, len(pcm), piece)]
    events = tuple(event for one in heard for event in one.events)
    assert events == whole(taught, thresholds)
    assert len(events) >= 3
    assert (heard[-1].samples, heard[-1].lost) == (len(pcm), 0)
    if share == 1:
        assert tuple(words[event.word].name for event in events) == wake_words.SAID
        for event, at in zip(events, wake_words.AT, strict=True):
            assert at < event.time / RATE < at + wake_words.LENGTH + 1.5


def test_levels_and_scores_are_the_latest(taught: Taught) -> None:
    listening, _, words = taught
    listening.begin()
    quiet = listening.push(np.zeros(8000, np.int16))
    assert quiet.level == 0
    assert set(quiet.scores.values()) == {0}  # nothing is said of so little
    loud = listening.push(np.tile([20000, -20000], 40000).astype(np.int16))
    assert abs((loud.level - 240) * 6.02 / 16 - 20 * np.log10(20000 / 32768)) < 0.7
    assert len(loud.scores) == len(words)
    assert all(loud.scores.values())
