# SPDX-License-Identifier: Apache-2.0
"""What a refusal brings and costs is counted as it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from myna.cli import cli
from myna.errors import MynaError
from myna.evaluation.engine import CoreEngine
from myna.evaluation.refusal import RefusalExam
from myna.evaluation.split import Task
from myna.learn.examples import Examples
from myna.learn.learn import Learned
from myna.learn.recipe import Recipe
from myna.names import THRESHOLD
from myna.project import open_project
from myna.sessions.learning import scalar
from support import tiny, tiny_model

UNKNOWN, SILENCE = tiny.LABELS.index("c"), tiny.LABELS.index("silence")
RECIPE = Recipe()
FOREIGN = tiny_model.examples(("three",), 4).features


def exam(known: Examples | None = None) -> RefusalExam:
    task = Task("me", tiny_model.examples(("one",), 2), tiny_model.examples(("one",), 4, first=2))
    return RefusalExam(task, {"three": FOREIGN}, known, (UNKNOWN, SILENCE), RECIPE, 1)


class Lenient(CoreEngine):
    """Accepts everything, so that there is something to refuse."""

    def learn(self, examples: Examples, recipe: Recipe) -> Learned:
        learned = super().learn(examples, recipe)
        self.set_state(THRESHOLD, scalar(-(1 << 20)))
        return learned


def engine(kind: Callable[..., CoreEngine] = Lenient) -> CoreEngine:
    project = open_project(tiny_model.refusing(), tiny_model.HEAD)
    return kind(project.library(), project.package)


def test_figures_are_those_of_a_refusal_by_hand() -> None:
    known = tiny_model.examples(("a", "b"), 3)
    found = exam(known)(engine())
    by_hand = engine()
    by_hand.reset()
    by_hand.set_state("seed", scalar(1))
    enrolled = exam().task.enrolled
    by_hand.learn(enrolled, RECIPE)
    no_word = [UNKNOWN, SILENCE]
    before = ~np.isin(by_hand.judge(FOREIGN).labels, no_word)
    first = int(np.argmax(before))
    refused = Examples(FOREIGN[[first]], np.array([UNKNOWN], np.int64))
    by_hand.learn(enrolled.join(refused), RECIPE)
    after = ~np.isin(by_hand.judge(FOREIGN).labels, no_word)
    assert found["refusals"] == 1
    assert found["repeated_before"] == 100 * np.delete(before, first).mean() > 0
    assert found["repeated_after"] == 100 * np.delete(after, first).mean()
    assert found["refused_after"] == 100 * after[first]
    own = by_hand.judge(exam().task.examined.features).labels == exam().task.examined.labels
    assert found["own_after"] == 100 * own.mean()
    right = by_hand.judge(known.features).labels == known.labels
    assert found["known_after"] == 100 * right.mean()
    assert found["undone"] == 0


class Harmful(Lenient):
    """Knows no new word any more once it has learned to refuse."""

    def learn(self, examples: Examples, recipe: Recipe) -> Learned:
        learned = super().learn(examples, recipe)
        if UNKNOWN in examples.labels:
            self.set_state("classes", scalar(len(tiny.LABELS)))
        return learned


def test_a_refusal_that_does_harm_changes_nothing() -> None:
    found = exam()(engine(Harmful))
    assert found["undone"] == 100
    assert found["own_after"] == found["own_before"]
    assert found["repeated_after"] == found["repeated_before"]


def test_nothing_to_refuse_is_said() -> None:
    class Strict(CoreEngine):
        def learn(self, examples: Examples, recipe: Recipe) -> Learned:
            learned = super().learn(examples, recipe)
            self.set_state(THRESHOLD, scalar(1 << 20))
            return learned

    with pytest.raises(MynaError, match="nothing is falsely accepted"):
        exam()(engine(Strict))


def evaluate(model: Path, data: Path, *options: object) -> Any:
    given = ["evaluate", model, "--data", data, "--protocol", "refusal", "--new-words", "one"]
    return CliRunner().invoke(cli, [*map(str, [*given, "--shots", 2, "--train", "head", *options])])


def test_users_are_asked_about_words_that_they_did_not_enroll(tmp_path: Path) -> None:
    words = ("one", "two", "three", "a")
    data = tiny_model.recordings(tmp_path / "data", ("me", "you"), words, 4)
    done = evaluate(tiny_model.refusing(), data, "--json", tmp_path / "found.json")
    if done.exit_code:
        assert "nothing is falsely accepted" in str(done.exception)
        return
    found = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert found["speakers"] == ["me", "you"]
    assert found["per_speaker"][0]["enrolled"] == found["per_speaker"][0]["tested"] == 2


def test_a_model_without_other_words_cannot_refuse(tmp_path: Path) -> None:
    data = tiny_model.recordings(tmp_path / "data", ("me",), ("one", "two"), 3)
    done = evaluate(tiny_model.folder(), data)
    assert "no class of other words" in str(done.exception)
