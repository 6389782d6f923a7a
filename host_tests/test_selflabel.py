# SPDX-License-Identifier: Apache-2.0
"""Learning without labels: board and twin agree, and wrong labels do not spread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
import tiny
import tiny_model
from myna.device import bodies as b
from myna.device import messages as m
from myna.device.link import DeviceError
from myna.device.session import Board
from myna.device.status import Status
from myna.learn import hearing
from myna.learn.engine import CoreEngine, rate_pair, silence_of, store_examples
from myna.learn.examples import Examples
from myna.learn.listening import VIEWS, Criteria, Listener, Verdict
from myna.learn.recipe import Recipe
from myna.passes.tape import RATE
from myna.pipeline import Options
from myna.project import Project, open_project

PLANS = {"all": Options(), "head": tiny_model.HEAD}
RECIPE = Recipe(epochs=4, enough=0.0)
KNOWN = len(tiny.LABELS)
ANY = Criteria(lowest=0, margin=0, agree=0, most=48)
TAUGHT = tiny_model.examples(("one", "two"), 2)
HEARD = tiny_model.examples(("one", "two", "a", "silence", "three"), 5)


@cache
def project(plan: str) -> Project:
    return open_project(tiny_model.folder(), PLANS[plan])


@pytest.fixture(scope="module", params=PLANS)
def board(request: pytest.FixtureRequest) -> Iterator[tuple[Project, Board]]:
    """A host board, and what it runs."""
    runs = project(request.param)
    with runs.connect("host") as session:
        yield runs, session


def taught(of: Project, clips: Examples = TAUGHT) -> tuple[CoreEngine, Listener]:
    """An engine that has learned the clips, and a listener that stores them."""
    engine = CoreEngine(of.library(), of.package)
    if len(clips):
        engine.learn(clips, RECIPE)
    engine.set_state(RATE, rate_pair(RECIPE.rate))
    silence = silence_of(of.package.labels)
    return engine, Listener(engine.core, of.package.audio, silence, clips)


def put(session: Board, engine: CoreEngine, listener: Listener) -> None:
    """Give a board the state of an engine, and the user's clips of a listener."""
    labels = np.array([clip.label for clip in listener.clips], np.int64)
    store_examples(session, Examples(np.array([c.features for c in listener.clips]), labels))
    session.write_state(engine.core.read_state())


def test_board_and_twin_hear_adapt_and_confirm_alike(board: tuple[Project, Board]) -> None:
    runs, session = board
    engine, listener = taught(runs)
    put(session, engine, listener)
    verdicts = set()
    for criteria in (Criteria(KNOWN, 10, 3, 2), Criteria(0, 0, VIEWS, 9), Criteria(0, 60, 1, 9)):
        for features in HEARD.features:
            slot = len(listener.clips)
            session.put_features(features, slot, None)
            found = hearing.listen(session, slot, criteria)
            assert found == listener.listen(features, criteria)
            assert session.status().clips == len(listener.clips)
            verdicts.add(found.verdict)
        assert hearing.adapt(session, runs.program, RECIPE) == listener.adapt(RECIPE)
        assert session.read_state() == engine.core.read_state()
    assert verdicts >= {Verdict.KEPT, Verdict.OTHER, Verdict.UNSURE, Verdict.INCONSISTENT}
    last = len(listener.clips) - 1
    hearing.confirm(session, last, right=False)
    listener.confirm(last, right=False)
    hearing.confirm(session, last - 1, right=True)
    listener.confirm(last - 1, right=True)
    adapted = listener.adapt(RECIPE)
    assert hearing.adapt(session, runs.program, RECIPE) == adapted
    assert session.read_state() == engine.core.read_state()
