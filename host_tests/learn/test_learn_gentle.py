# SPDX-License-Identifier: Apache-2.0
"""A new class is imprinted more gently where it comes close to what is known, on both sides."""

from __future__ import annotations

import numpy as np
import pytest
from myna.engines.library import HostLibrary
from myna.engines.reference import Reference
from myna.evaluation.engine import CoreEngine
from myna.learn.examples import Examples
from myna.learn.learn import FORGET_SHIFT, endangered, known_memories
from myna.learn.recipe import Recipe
from myna.passes.memory import plan
from myna.passes.pipeline import Options
from myna.passes.training.imprint import head_of
from myna.project import Project, open_project
from myna.sessions.learning import learn_on, store_examples
from support import tiny, tiny_model

NEW = len(tiny.LABELS)
IMPRINT = Recipe(epochs=0, vary=False)


@pytest.fixture(scope="module")
def runs() -> Project:
    return open_project(tiny_model.folder(), tiny_model.HEAD)


def takes(word: str) -> Examples:
    """Takes of a word, as a class that is new."""
    found = tiny_model.examples((word,), 3)
    return Examples(found.features, np.full(3, NEW))


def length(core: Reference | HostLibrary) -> float:
    """Of the row of the new class."""
    row = core.get_state(head_of(core.program.graph).inputs[1])[NEW].astype(float)
    return float(np.linalg.norm(row))


def full(runs: Project, clips: Examples) -> Reference:
    """A core whose new class was imprinted with all its strength."""
    core = Reference(runs.program)
    core.imprint(NEW, np.sum([core.embed(x) for x in clips.features], axis=0), len(clips))
    core.set_state("classes", np.array([NEW + 1], np.int32))
    return core


def test_a_class_like_a_known_one_is_imprinted_gently(runs: Project) -> None:
    clips = takes("a")
    strong, core = full(runs, clips), Reference(runs.program)
    bound = len(runs.program.replay.labels) >> FORGET_SHIFT
    assert endangered(strong, NEW) > bound
    learned = CoreEngine(core, runs.package).learn(clips, IMPRINT)
    assert learned.known_before > known_memories(strong)
    assert learned.known_after > known_memories(strong)
    assert 0.2 < length(core) / length(strong) < 0.6
    with runs.connect("host") as board:
        store_examples(board, clips)
        found = learn_on(board, runs.program, IMPRINT)
        assert board.read_state() == core.read_state()
    assert found == learned


def test_a_class_unlike_all_known_ones_is_imprinted_with_all_strength(runs: Project) -> None:
    clips = takes("two")
    strong, core = full(runs, clips), runs.library()
    CoreEngine(core, runs.package).learn(clips, IMPRINT)
    assert length(core) == length(strong)


def test_what_is_imprinted_gently_is_rehearsed_more(runs: Project) -> None:
    for word, times in (("a", 8), ("two", 1)):
        core = Reference(runs.program)
        clips, recipe = takes(word), Recipe(epochs=1, rehearsals=1, enough=0.0, vary=False)
        CoreEngine(core, runs.package).learn(clips, recipe)
        assert core.clock[1] == 3 * (1 + times)


def test_what_drowns_a_whole_network_is_not_rehearsed_more() -> None:
    whole = open_project(tiny_model.folder(), Options(train="all"))
    assert whole.program.is_whole
    core = Reference(whole.program)
    clips, recipe = takes("a"), Recipe(epochs=1, rehearsals=1, enough=0.0, vary=False)
    learned = CoreEngine(core, whole.package).learn(clips, recipe)
    assert length(core) < length(full(whole, clips))  # endangered all the same
    assert core.clock[1] == 3 * 2
    with whole.connect("host") as board:
        store_examples(board, clips)
        assert learn_on(board, whole.program, recipe) == learned
        assert board.read_state() == core.read_state()


def test_few_memories_are_asked_where_each_takes_a_whole_inference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first ones, which are of each class as many; but all are rehearsed."""
    monkeypatch.setattr(plan, "MOST_ASKED", 5)
    whole = open_project(tiny_model.folder(), Options(train="all"))
    program = whole.program
    assert len(program.replay.labels) > program.asked_memories == 5
    asked: list[int] = []
    core = Reference(program)
    recall = core.recall
    monkeypatch.setattr(core, "recall", lambda i: (asked.append(i), recall(i))[1])
    learned = CoreEngine(core, whole.package).learn(takes("a"), Recipe(epochs=1, vary=False))
    assert set(asked) == set(range(5))
    assert learned.known_before <= 5
    with whole.connect("host") as board:
        store_examples(board, takes("a"))
        assert learn_on(board, program, Recipe(epochs=1, vary=False)) == learned
        assert board.read_state() == core.read_state()


@pytest.mark.parametrize(("train", "whole"), [("all", True), ("head", False), ("bias", False)])
def test_a_network_is_whole_if_every_layer_is_trained(train: str, whole: bool) -> None:
    program = open_project(tiny_model.folder(), Options(train=train)).program
    assert program.is_whole == whole
    assert Recipe.of(whole=whole).epochs == (3 if whole else 16)
