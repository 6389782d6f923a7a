# SPDX-License-Identifier: Apache-2.0
"""What is kept of what a device hears, and what it takes for harm, each kind alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
import pytest
from myna.audio import native
from myna.device.session import Board
from myna.evaluation.engine import CoreEngine
from myna.ir import Array
from myna.learn.examples import Examples
from myna.learn.listen import VIEWS, Adapted, Criteria, Listener, Verdict, certain
from myna.learn.recipe import Recipe
from myna.names import RATE
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from myna.sessions import listen as listening
from myna.sessions.learning import rate_pair, store_examples
from support import tiny, tiny_model

ANY = Criteria(lowest=0, margin=0, agree=0, most=9)
ONE, TWO = len(tiny.LABELS), len(tiny.LABELS) + 1


@cache
def project() -> Project:
    return open_project(tiny_model.folder(), Options(train="all"))


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    with project().connect("host") as session:
        yield session


def called(word: str, label: int, takes: int, first: int = 0) -> Examples:
    """Takes of a word under a label that may be wrong."""
    said = tiny_model.examples((word,), takes, first)
    return Examples(said.features, np.full(takes, label, np.int64))


def adapted(board: Board, recipe: Recipe, own: Examples, heard: Iterable[Array] = ()) -> Adapted:
    """What board and twin say alike, after they learned `one` and `two`; states must be equal."""
    runs = project()
    engine = CoreEngine(runs.library(), runs.package)
    engine.learn(tiny_model.examples(("one", "two"), 2), Recipe(epochs=4, enough=0.0))
    engine.set_state(RATE, rate_pair(recipe.rate))
    before = engine.core.read_state()
    listener = Listener(engine.core, runs.package.audio, tiny.LABELS.index("silence"), own)
    store_examples(board, own)
    board.write_state(before)
    for features in heard:
        board.put_features(features, listener.free_slot(), None)
        kept = listening.listen(board, listener.free_slot(), ANY)
        assert kept == listener.listen(features, ANY)
        assert (kept.verdict, kept.label) == (Verdict.KEPT, ONE)
    result = listener.adapt(recipe)
    assert listening.adapt(board, runs.program, recipe) == result
    assert board.read_state() == engine.core.read_state()
    assert result.kept == (engine.core.read_state() != before)
    return result


def test_what_the_device_heard_must_not_be_taken_for_something_else(board: Board) -> None:
    """The user contradicts what the device was sure of: his own clips and memories come right."""
    own = called("one", TWO, 5, first=10).join(called("one", ONE, 1, first=20))
    heard = called("one", ONE, 3).features
    kept = set()
    for epochs in (1, 3):
        recipe = Recipe(rate=0.2, epochs=epochs, enough=0.0, vary=False)
        result = adapted(board, recipe, own, heard)
        assert result.before.guessed == 3
        assert result.after.own >= result.before.own
        assert result.learned.known_after == result.learned.known_before
        assert result.kept == (result.after.guessed == 3)
        kept.add(result.kept)
    assert kept == {True, False}


def test_one_memory_in_32_may_be_forgotten(board: Board) -> None:
    """Of 48: one, and not two."""
    own, lost = called("a", tiny.LABELS.index("b"), 4), set()
    assert len(project().program.replay.labels) == 48
    for rate, epochs in ((0.1, 10), (0.15, 8), (0.1, 12)):
        recipe = Recipe(rate=rate, epochs=epochs, enough=0.0, rehearsals=0, vary=False)
        result = adapted(board, recipe, own)
        assert result.after.own > result.before.own
        forgotten = result.learned.known_before - result.learned.known_after
        assert result.kept == (forgotten <= 1)
        lost.add(forgotten)
    assert lost == {0, 1, 2}


def test_the_users_own_clips_must_not_be_taken_for_something_else(board: Board) -> None:
    """Of takes of one word under two names, the more numerous win: as many are right as before."""
    own, kept = called("one", ONE, 3).join(called("one", TWO, 2, first=10)), set()
    for epochs in (1, 2):
        recipe = Recipe(rate=1.0, epochs=epochs, enough=0.0, rehearsals=0, vary=False)
        result = adapted(board, recipe, own)
        assert result.learned.known_after == result.learned.known_before
        assert result.kept == (result.after.own >= result.before.own)
        kept.add(result.kept)
    assert kept == {True, False}


def between(share: float, seed: int) -> Array:
    """A take of `one` with one of `b` in it, of which some variations are taken for `b`."""
    one, b = (tiny_model.tone(*take).astype(float) for take in (("one", seed), ("b", seed + 99)))
    mixed = np.asarray(share * one + (1 - share) * b, np.int16)
    return native.extract(tiny.AUDIO, mixed[None])[0]


def test_by_default_a_word_must_outlast_all_variations_but_one() -> None:
    runs = project()
    engine = CoreEngine(runs.library(), runs.package)
    own = tiny_model.examples(("one", "two"), 2)
    engine.learn(own, Recipe(epochs=4, enough=0.0))
    listener, sure = engine.listener(own), certain(runs.program, 0)
    heard = [listener.listen(between(*mixture), sure) for mixture in ((0.3, 0), (0.7, 4))]
    assert [one.verdict for one in heard] == [Verdict.INCONSISTENT, Verdict.KEPT]
    assert [VIEWS - one.agreed for one in heard] == [2, 1]
    again = [listener.listen(between(0.7, 4), sure).verdict for _ in range(4)]
    assert again == [Verdict.KEPT] * 3 + [Verdict.CROWDED]


def test_a_word_must_be_e_times_as_likely_as_any_other() -> None:
    program = project().program
    scale = program.graph.tensors[program.graph.outputs[0]].scale
    assert abs(certain(program, 0).margin * scale - 1) <= scale / 2
