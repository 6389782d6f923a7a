# SPDX-License-Identifier: Apache-2.0
"""What is counted when sounds of a stream are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from myna.audio.dataset import Clip
from myna.cli import cli
from myna.errors import MynaError
from myna.evaluation import stream_refusal
from myna.evaluation.sound import Clock, Sound
from myna.evaluation.stream import REFRACTORY, Positive, Setting, Task
from myna.evaluation.stream_refusal import Listener
from myna.learn.detect import SPAN, STEPS, UNIT, Embeddings, Rule, Space, template
from myna.learn.recipe import Recipe
from support import tiny_model

INPUTS, PERIOD = 12, 640
LEAST = STEPS * UNIT * 2 // 3 << 15


def noise(count: int, seed: int) -> Embeddings:
    return np.random.default_rng(seed).integers(-100, 101, (count, INPUTS)).astype(np.int16)


def said(word: Embeddings, seed: int, strength: int) -> Embeddings:
    """A word as it is said once, in the midst of something else."""
    own = word + strength * noise(SPAN + 1, seed) // 100
    return np.concatenate([noise(9, seed + 1), own, noise(9, seed + 2)]).astype(np.int16)


WORD = noise(SPAN + 1, 1)
LIKE = (WORD + 60 * noise(SPAN + 1, 2) // 100).astype(np.int16)  # another word, rather like it
OTHER = noise(SPAN + 1, 3)
SPACE = Space(np.zeros(INPUTS, np.int16), np.zeros((0, INPUTS), np.int8))


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch) -> Setting:
    clock = Clock(0, 0, PERIOD, 16000)
    setting = Setting((), clock, {"word": 0}, 0, SPACE, noise(0, 0), 0.5, Recipe(), 0)
    own = Listener(setting, (template([WORD], SPACE.center),), Rule(PERIOD, REFRACTORY, (LEAST,)))
    monkeypatch.setattr(Listener, "of", lambda setting, task: own)
    return setting


def positive(sound: Embeddings) -> Positive:
    silence = np.zeros(16000, np.int16)
    clip = Clip("word", "me", 1, Path("me_1.wav"))
    return Positive(clip, silence, Sound(16000, sound, noise(0, 0)), None)


def test_a_refused_word_is_not_heard_again_and_the_words_are(setting: Setting) -> None:
    own = [positive(said(WORD, 100 * i, 20)) for i in range(5)]
    task = Task("me", {"word": []}, {"word": own})
    foreign = {
        "like": [said(LIKE, 100 * i, 20) for i in range(6)],
        "other": [said(OTHER, 100 * i, 20) for i in range(6)],
    }
    found = stream_refusal.examine(setting, task, foreign)
    assert found is not None
    assert found["refusals"] == 1
    assert (found["repeated_before"], found["repeated_after"]) == (100, 0)
    assert found["refused_after"] == 0
    assert (found["others_before"], found["others_after"]) == (0, 0)
    assert (found["missed_before"], found["missed_after"]) == (0, 0)
    summary = stream_refusal.summarize([found, {**found, "repeated_after": 50.0}])
    assert summary["repeated_after"]["mean"] == 25


def test_without_a_false_accept_there_is_nothing_to_refuse(setting: Setting) -> None:
    task = Task("me", {"word": []}, {"word": [positive(said(WORD, 1, 20))]})
    assert stream_refusal.examine(setting, task, {"other": [said(OTHER, 1, 20)]}) is None


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    asked = ["evaluate", str(tiny_model.folder()), "--protocol", "stream-refusal"]
    asked += ["--data", str(tmp_path)]
    for rest, says in (([], "--new-words"), (["--new-words", "one"], "myna negatives")):
        done = CliRunner().invoke(cli, [*asked, *rest])
        assert isinstance(done.exception, MynaError)
        assert says in done.exception.fix
