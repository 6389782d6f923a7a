# SPDX-License-Identifier: Apache-2.0
"""When learning ends: at a loss below what is enough, never at one that rounds to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from myna.device import target
from myna.device.bodies import Learn, LearnReply
from myna.device.session import Board
from myna.device.target import PROJECT
from myna.engines.reference import Reference
from myna.evaluation.engine import CoreEngine
from myna.learn.learn import Learned
from myna.learn.recipe import Recipe
from myna.project import open_project
from support import fake_board, tiny_model

EPOCHS = 3
# enough (Q16), and what the losses 0, 1, 2 of one clip then are worth
ENDS = [(0, (0, 1, 2)), (1, (0,))]
LATER = [(2, (2, 3, 4)), (3, (2,)), (5, (2,))]  # the losses begin at 2


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_board.build(tmp_path_factory.mktemp("enough"))


@pytest.fixture
def board(elf: Path) -> Iterator[Board]:
    """A board whose loss is the number of the step, as its one clip is of class 0."""
    with target.start("host", elf) as port, Board.connect(port) as session:
        session.put_features(np.ones((49, 10), np.int8), 0, 0)
        yield session


def learned(reply: LearnReply) -> Learned:
    """What a board says came of it."""
    return Learned.of(reply.imprinted, reply.worst, reply.known_before, reply.known_after)


@pytest.mark.parametrize(("enough", "worst"), ENDS + LATER)
def test_a_board_ends_below_what_is_enough(
    board: Board, enough: int, worst: tuple[int, ...]
) -> None:
    if worst[0]:
        board.train(worst[0])
    reply = board.learn(Learn(enough, 0, 0, EPOCHS, 0), None)
    assert learned(reply).worst == worst


@pytest.mark.parametrize(("enough", "worst"), ENDS + LATER)
def test_the_reference_ends_below_what_is_enough(
    enough: int, worst: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = open_project(tiny_model.folder("plain"))
    core = Reference(runs.program)
    losses = iter(range(worst[0], 100))
    monkeypatch.setattr(core, "train_latent", lambda latent, label: next(losses))
    clip = tiny_model.examples(("a",), 1)
    recipe = Recipe(epochs=EPOCHS, enough=enough / 65536, rehearsals=0, vary=False)
    assert CoreEngine(core, runs.package).learn(clip, recipe).worst == worst


def test_the_word_that_is_learned_worst_decides(board: Board) -> None:
    """Losses are means of each class, rounded down: of 0 and 65537, then 2 and 65539."""
    board.put_features(np.ones((49, 10), np.int8), 1, 1)
    reply = board.learn(Learn(65536, 0, 0, EPOCHS, 0), None)
    assert len(learned(reply).worst) == EPOCHS
    assert min(learned(reply).worst) >= 65536


@pytest.mark.parametrize("nats", [0.0, 0.25, 1.0, 1000.0])
def test_what_is_enough_is_said_in_nats(nats: float) -> None:
    assert Recipe(enough=nats).enough_q16 == nats * (1 << 16)


def test_the_recipe_is_what_the_design_says() -> None:
    """Its default numbers stand in one place of the code, and users read them in the other."""
    design = " ".join((PROJECT / "DESIGN.md").read_text("utf-8").split())
    recipe = Recipe()
    assert f"at the latest after {recipe.epochs} epochs" in design
    assert f"With the rate in this unit (normalized LMS), {recipe.rate} fits all of them" in design
    assert "After each step on a clip follows one on a memory" in design
    assert recipe.rehearsals == 1
