# SPDX-License-Identifier: Apache-2.0
"""Clips are learned alike by boards, the C core and the reference: imprint, train, rehearse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from myna import fixed
from myna.device.bodies import Learn
from myna.device.link import DeviceError
from myna.device.messages import MAX_EPOCHS
from myna.device.session import Board
from myna.device.status import Status
from myna.engines.reference import Reference
from myna.errors import MynaError
from myna.evaluation.board_engine import BoardEngine
from myna.evaluation.engine import CoreEngine, Engine, open_float, predict
from myna.evaluation.evaluate import percent_right
from myna.ir import Array
from myna.learn.examples import Examples
from myna.learn.latents import Variations
from myna.learn.learn import Learned, Learner
from myna.learn.recipe import Recipe
from myna.names import SEED, THRESHOLD
from myna.passes.pipeline import Options
from myna.passes.training.replay import take_turns
from myna.project import Project, open_project
from myna.sessions.learning import scalar, store_examples
from support import tiny, tiny_model

PLANS = {"all": Options(train="all"), "head": tiny_model.HEAD}
NEW = ("one", "two")
LESSONS = {
    "new words": tiny_model.examples(NEW, 2),
    "with noise": tiny_model.examples(("two", "silence", "a"), 2),
    "known words": tiny_model.examples(("b", "c"), 2),
}
RECIPES = {
    "varied": Recipe(epochs=3, enough=0.0, rehearsals=2),
    "as they are": Recipe(epochs=3, enough=0.0, rehearsals=1, vary=False),
    "without rehearsal": Recipe(epochs=3, enough=0.0, rehearsals=0),
    "until good enough": Recipe(epochs=20, enough=0.36, vary=False),
    "imprinted only": Recipe(epochs=0),
}


@cache
def project(plan: str, name: str = "reversible") -> Project:
    return open_project(tiny_model.folder(name), PLANS.get(plan) or Options(train=plan))


def reference(of: Project) -> CoreEngine:
    return CoreEngine(Reference(of.program), of.package)


def library(of: Project) -> CoreEngine:
    return CoreEngine(of.library(), of.package)


def state_of(engine: CoreEngine) -> bytes:
    """The state of a reference or library."""
    return engine.core.read_state()  # type: ignore[attr-defined,no-any-return]


@pytest.fixture(scope="module", params=PLANS)
def board(request: pytest.FixtureRequest) -> Iterator[tuple[Project, Board]]:
    """A host board, and what it runs."""
    runs = project(request.param)
    with runs.connect("host") as session:
        yield runs, session


def learn_alike(runs: Project, session: Board, lesson: Examples, recipe: Recipe) -> Learned:
    """Board, C core and reference learn; what they report and their states must be equal."""
    on_board = BoardEngine(session, runs.program)
    twins = reference(runs), library(runs)
    reports = []
    for engine in (on_board, *twins):
        engine.reset()
        engine.set_state(SEED, scalar(-5))
        reports.append(engine.learn(lesson, recipe))
    assert reports[1:] == reports[:1] * 2
    assert [state_of(twin) for twin in twins] == [session.read_state()] * 2
    status = session.status()
    assert (status.step, status.classes) == (twins[0].core.clock[1], twins[0].core.classes)
    return reports[0]


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("lesson", LESSONS)
def test_board_core_and_reference_learn_alike(
    board: tuple[Project, Board], lesson: str, recipe: str
) -> None:
    learned = learn_alike(*board, LESSONS[lesson], RECIPES[recipe])
    assert learned.imprinted == {"new words": 2, "with noise": 1, "known words": 0}[lesson]
    assert len(learned.worst) <= RECIPES[recipe].epochs


def test_clips_of_other_words_are_foreign_to_every_word() -> None:
    """They are learned, but no word whose takes set the threshold."""
    runs = open_project(tiny_model.refusing(), tiny_model.HEAD)
    other = tiny.LABELS.index("c")  # called unknown here
    sounds = Examples(tiny.features(4, seed=0)[..., 0], np.full(4, other))
    lesson = tiny_model.examples(NEW, 2).join(sounds)
    with runs.connect("host") as session:
        learn_alike(runs, session, lesson, RECIPES["varied"])
    thresholds = []
    for unknown in (None, other):
        core = Reference(runs.program)
        found = Learner(core, None, None, lesson, RECIPES["as they are"], unknown=unknown).learn()
        assert found.imprinted == 2
        thresholds.append(int(core.get_state(THRESHOLD)[0]))
    assert thresholds[0] < thresholds[1]


@pytest.mark.qemu
def test_an_emulated_core_learns_alike() -> None:
    runs = project("all")
    with runs.connect("qemu_m4") as session:
        learn_alike(runs, session, LESSONS["with noise"], RECIPES["varied"])


def test_learning_ends_when_the_worst_class_is_good_enough(board: tuple[Project, Board]) -> None:
    recipe = RECIPES["until good enough"]
    learned = learn_alike(*board, LESSONS["new words"], recipe)
    *before, last = learned.worst
    assert 0 < len(before) < recipe.epochs - 1
    assert last < recipe.enough_q16 <= min(before)


@pytest.mark.parametrize("plan", PLANS)
def test_memories_that_are_lost_are_counted_alike(plan: str) -> None:
    """Clips without anything in common are learned at the cost of what was known."""
    lesson = Examples(tiny.features(8, seed=5)[..., 0], np.arange(8) % 2 + len(tiny.LABELS))
    runs, recipe = project(plan), Recipe(8.0, 6, 0.0, 0, vary=False)
    with runs.connect("host") as session:
        learned = learn_alike(runs, session, lesson, recipe)
    assert 0 < learned.known_after < learned.known_before <= len(runs.program.replay.labels)


def test_learning_does_not_end_while_memories_are_lost() -> None:
    lesson = Examples(tiny.features(8, seed=5)[..., 0], np.arange(8) % 2 + len(tiny.LABELS))
    runs, recipe = project("head"), Recipe(60.0, 6, 1000.0, 1, vary=False)
    with runs.connect("host") as session:
        learned = learn_alike(runs, session, lesson, recipe)  # the clips are good enough at once
    assert len(learned.worst) > 1


def test_epochs_may_be_asked_for_one_by_one(board: tuple[Project, Board]) -> None:
    runs, session = board
    recipe, lesson = RECIPES["varied"], LESSONS["with noise"]
    for engine in (BoardEngine(session, runs.program), library(runs), reference(runs)):
        engine.reset()
        parts = [engine.learn(lesson, replace(recipe, epochs=1)) for _ in range(recipe.epochs)]
        whole = reference(runs)
        learned = whole.learn(lesson, recipe)
        assert [part.imprinted for part in parts] == [1, 0, 0]
        assert tuple(part.worst[0] for part in parts) == learned.worst
        found = session.read_state() if isinstance(engine, BoardEngine) else state_of(engine)
        assert found == state_of(whole)


def test_progress_counts_steps(board: tuple[Project, Board]) -> None:
    runs, session = board
    BoardEngine(session, runs.program).reset()
    store_examples(session, LESSONS["new words"])
    steps: list[int] = []
    session.learn(Learn(0, 0, 0, 2, 1), steps.append)
    assert steps == sorted(steps)
    assert 0 == steps[0] < steps[-1] <= 2 * 4 * 2  # memories are examined before the first
    # then two variations of each clip and every memory, for what is typical, and for the threshold;
    # and every memory once after imprinting, and after the last epoch
    memories = len(runs.program.replay.labels)
    assert len(steps) == 2 * 4 * 2 + 2 * (2 * 4 + memories) + 2 * memories


@pytest.mark.parametrize("vary", [True, False])
@pytest.mark.parametrize("seed", [1, -1])
def test_seeds_lead_to_different_weights(seed: int, vary: bool) -> None:
    states = []
    for own in (seed, seed + 7):
        engine = library(project("all"))
        engine.set_state(SEED, scalar(own))
        engine.learn(LESSONS["new words"], replace(RECIPES["varied"], vary=vary))
        engine.set_state(SEED, scalar(0))
        states.append(state_of(engine))
    assert states[0] != states[1]


# -- what cannot be learned ------------------------------------------------------------------------


def test_a_gap_in_new_classes_is_refused_and_changes_nothing(board: tuple[Project, Board]) -> None:
    runs, session = board
    lesson = replace(LESSONS["new words"], labels=np.array([5, 1, 5, 1]))
    for engine in (reference(runs), library(runs)):
        before = state_of(engine)
        with pytest.raises(MynaError, match=r"classes \[5\] are to begin, 4 are in use"):
            engine.learn(lesson, replace(RECIPES["varied"], rate=1.0))
        engine.set_state(SEED, scalar(1))
        assert state_of(engine) == before
    on_board = BoardEngine(session, runs.program)
    on_board.reset()
    store_examples(session, lesson)
    assert_refused(session, Learn(0, 1, 0, 1, 1), Status.BAD_LABEL)


def assert_refused(session: Board, request: Learn, status: Status) -> None:
    """The request is refused for this reason, and changes nothing."""
    before = session.read_state()
    with pytest.raises(DeviceError) as raised:
        session.learn(request, None)
    assert raised.value.status == status
    assert session.read_state() == before


REFUSED: dict[str, tuple[Learn, Callable[[Board], object], Status]] = {
    "no clips": (Learn(0, 1, 0, 1, 1), Board.clear_clips, Status.BAD_SLOT),
    "too many epochs": (Learn(0, 1, 0, MAX_EPOCHS + 1, 1), Board.status, Status.BAD_RANGE),
    "a negative loss": (Learn(1 << 31, 1, 0, 1, 1), Board.status, Status.BAD_RANGE),
}


@pytest.mark.parametrize("case", REFUSED)
def test_requests_that_cannot_be_met_change_nothing(
    case: str, board: tuple[Project, Board]
) -> None:
    runs, session = board
    BoardEngine(session, runs.program).reset()
    store_examples(session, LESSONS["known words"])
    request, prepare, status = REFUSED[case]
    prepare(session)
    assert_refused(session, request, status)


def test_an_incomplete_state_cannot_learn(board: tuple[Project, Board]) -> None:
    runs, session = board
    BoardEngine(session, runs.program).reset()
    store_examples(session, LESSONS["known words"])
    session.stop_step(3)
    with pytest.raises(DeviceError) as raised:
        session.learn(Learn(0, 1, 0, 1, 1), None)
    assert raised.value.status == Status.STATE_INCOMPLETE
    session.reset_state()


def test_without_clips_there_is_nothing_to_learn() -> None:
    with pytest.raises(MynaError, match="nothing to learn from"):
        reference(project("all")).learn(LESSONS["new words"].take([]), Recipe())


# -- what learning is good for ---------------------------------------------------------------------


def accuracy(engine: Engine, words: tuple[str, ...]) -> float:
    """Percent right of takes that nobody learned."""
    asked = tiny_model.examples(words, 10, first=50)
    return percent_right(predict(engine, asked.features), asked.labels)


@pytest.mark.parametrize("plan", PLANS)
def test_imprinted_words_are_recognised_at_once(plan: str) -> None:
    engine, lesson = library(project(plan)), LESSONS["new words"]
    assert accuracy(engine, NEW) == 0
    engine.learn(lesson, RECIPES["imprinted only"])
    assert percent_right(predict(engine, lesson.features), lesson.labels) == 100
    assert accuracy(engine, (*tiny.LABELS, *NEW)) >= 95


@pytest.mark.parametrize("plan", PLANS)
def test_rehearsal_keeps_what_was_known(plan: str) -> None:
    """Noise that has nothing in common is hard to learn: without rehearsal a word is lost."""
    lesson = Examples(tiny.features(8, seed=5)[..., 0], np.arange(8) % 2 + len(tiny.LABELS))
    known = {}
    for rehearsals in (0, 1):
        engine = library(project(plan))
        engine.learn(lesson, Recipe(2.0, 20, 0.0, rehearsals, vary=False))
        known[rehearsals] = accuracy(engine, tiny.LABELS)
    assert known[0] < 85
    assert known[1] > 95


# -- rehearsal -------------------------------------------------------------------------------------

LATENTS = {
    ("plain", "all"): "features",
    ("plain", "head"): "pool",
    ("plain", "bias"): "features",
    ("plain", "last-2"): "dw",
    ("plain", "pw.b,logits.w"): "dw",
    ("reversible", "all"): "features",
    ("reversible", "head"): "joined",
    ("reversible", "bias"): "features",
    ("reversible", "last-2"): "features",  # two streams go on: no single tensor is enough
}


@pytest.mark.parametrize(("name", "plan"), LATENTS)
def test_a_step_from_the_latent_is_a_step_from_the_features(name: str, plan: str) -> None:
    runs = project(plan, name)
    assert runs.program.latent.tensor == LATENTS[name, plan]
    memories, replay = runs.package.knowledge.memories, runs.program.replay
    for core in (Reference(runs.program), runs.library()):
        for memory in (0, 5, len(replay.labels) - 1):
            label = int(memories.labels[memory])
            assert label == replay.labels[memory]
            start = core.read_state()
            loss = core.train_step(memories.features[memory], label)
            expected = core.read_state()
            core.write_state(start)
            core.infer(tiny.features(1)[0])  # leaves something else in the arena
            assert core.rehearse(memory) == loss
            assert core.read_state() == expected
            assert expected != start


@pytest.mark.parametrize("budget", [500, 1000, 4000, 1 << 20])
def test_memories_fit_their_budget(budget: int) -> None:
    runs = open_project(tiny_model.folder(), Options(replay=budget))
    replay, all_of_them = runs.program.replay, runs.package.knowledge.memories.labels
    each = tiny.FRAMES * tiny.BANDS + 4
    assert len(replay.labels) == min(budget // each, len(all_of_them))
    assert np.array_equal(replay.labels, all_of_them[: len(replay.labels)])
    assert set(replay.labels.tolist()) == set(range(len(tiny.LABELS)))


def test_a_budget_too_small_for_every_class_holds_none() -> None:
    sizes = [
        len(open_project(tiny_model.folder(), Options(replay=budget)).program.replay.labels)
        for budget in (399, 400)
    ]
    assert sizes == [0, len(tiny.LABELS)]


def test_without_memories_learning_goes_on() -> None:
    runs = open_project(tiny_model.folder(), Options(replay=0))
    engine, same = library(runs), reference(runs)
    recipe = RECIPES["varied"]
    engine.learn(LESSONS["new words"], recipe)
    same.learn(LESSONS["new words"], replace(recipe, rehearsals=0))
    assert state_of(engine) == state_of(same)


@given(st.lists(st.integers(0, 5), max_size=40))
def test_classes_take_turns(labels: list[int]) -> None:
    order = take_turns(labels)
    assert sorted(order) == list(range(len(labels)))
    shown = [labels[i] for i in order]
    for label in set(labels):
        assert [i for i in order if labels[i] == label] == sorted(
            i for i in order if labels[i] == label
        )
    for count in range(len(shown)):
        seen = {label: shown[:count].count(label) for label in set(labels)}
        behind = [n for label, n in seen.items() if label in shown[count:]]
        assert not behind or max(seen.values()) - min(behind) <= 1


# -- the float baseline ----------------------------------------------------------------------------


@pytest.mark.train
@pytest.mark.parametrize("plan", PLANS)
def test_float_oracle_follows_the_same_recipe(plan: str) -> None:
    runs = project(plan)
    oracle, integer = CoreEngine(open_float(runs), runs.package), reference(runs)
    recipe = Recipe(2.0, 3, 0.0, 1, vary=False)
    exact, found = (e.learn(LESSONS["new words"], recipe) for e in (oracle, integer))
    assert exact.imprinted == found.imprinted == 2
    assert np.allclose(exact.worst, found.worst, atol=0.2 * 65536)
    assert oracle.core.clock == integer.core.clock
    assert accuracy(oracle, (*tiny.LABELS, *NEW)) > 95
    assert accuracy(integer, (*tiny.LABELS, *NEW)) > 95
    oracle.reset()
    assert oracle.infer(LESSONS["new words"].features).shape == (4, len(tiny.LABELS))


@pytest.mark.train
def test_float_oracle_varies_the_same_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same random numbers: the order of clips and memories, and their variations."""
    runs, seen = project("all"), []
    vary = Variations.of
    for core in (open_float(runs), Reference(runs.program)):
        fed: list[bytes] = []

        def note(own: Variations, features: Array, label: int, key: int, fed: Any = fed) -> Array:
            varied = vary(own, features, label, key)
            fed.append(varied.tobytes())
            return varied

        monkeypatch.setattr(Variations, "of", note)
        CoreEngine(core, runs.package).learn(LESSONS["with noise"], RECIPES["varied"])
        seen.append(fed)
    assert seen[0] == seen[1]
    assert len(seen[0]) > 20


@pytest.mark.train
def test_float_oracle_trains_what_the_plan_names() -> None:
    recipe = Recipe(2.0, 2, 0.0, 0, vary=False)
    worst = [
        CoreEngine(open_float(project(plan)), project(plan).package)
        .learn(LESSONS["new words"], recipe)
        .worst
        for plan in PLANS
    ]
    assert worst[0] != worst[1]


def test_no_random_number_decides_two_things(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory and time shift were one draw once: a memory always came with the same shift."""
    drawn: list[tuple[int, int]] = []
    random32 = fixed.random32

    def note(key: int, index: Any) -> Any:
        drawn.extend((int(key), int(each)) for each in np.atleast_1d(index))
        return random32(key, index)

    monkeypatch.setattr(fixed, "random32", note)
    runs = project("room")
    assert runs.program.latent.node == 0  # memories are varied, too
    reference(runs).learn(LESSONS["with noise"], RECIPES["varied"])
    assert len(drawn) > 1000
    assert len(set(drawn)) == len(drawn)
