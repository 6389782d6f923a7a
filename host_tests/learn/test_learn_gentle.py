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
