# SPDX-License-Identifier: Apache-2.0
"""Latents that a board keeps are those of the clips that it stores, whatever came before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from myna.device import bodies as b
from myna.device import messages as m
from myna.device.session import Board
from myna.engines.reference import Reference
from myna.evaluation.board_engine import BoardEngine
from myna.evaluation.engine import CoreEngine
from myna.ir import Kind
from myna.learn.examples import Examples
from myna.learn.latents import Latents, Variations
from myna.learn.recipe import AT_ONCE, Recipe
from myna.names import SEED
from myna.passes.pipeline import Options
from myna.project import MODELS, Project, open_project
from myna.sessions.learning import learn_on, patch_state, scalar
from support import tiny, tiny_model

ONE, TWO, SILENCE = 4, 5, tiny.LABELS.index("silence")
RECIPE = Recipe(epochs=3, enough=0.0)
LATER = tiny_model.examples(("two",), 1, first=7).features[0]
NOISE, ANOTHER = tiny_model.examples(("silence",), 2).features


class Desk:
    """A board, and what it should store: (features, label) by slot."""

    def __init__(self, project: Project, session: Board) -> None:
        self.project, self.session = project, session
        self.seed, self.clips = -5, dict[int, tuple[np.ndarray, int]]()  # type: ignore[type-arg]
        session.reset_state()
        session.clear_clips()
        self.set_seed(self.seed)
        lesson = tiny_model.examples(("one", "two"), 2)
        for slot, features in enumerate(lesson.features):
            self.put(slot, features, int(lesson.labels[slot]))

    def put(self, slot: int, features: np.ndarray, label: int) -> None:  # type: ignore[type-arg]
        self.session.put_features(features, slot, label)
        self.clips[slot] = features, label

    def relabel(self, slot: int, label: int) -> None:
        self.session.relabel(slot, label)
        self.clips[slot] = self.clips[slot][0], label

    def empty(self, slot: int) -> None:
        self.session.empty(slot)
        del self.clips[slot]

    def set_seed(self, seed: int) -> None:
        patch_state(self.session, self.project.program, SEED, scalar(seed))
        self.seed = seed

    def prepare(self) -> None:
        """Let the board make all that it keeps."""
        for label in (ONE, TWO, SILENCE):
            self.session.link.request(m.TAKES, b.Takes(label))

    def examples(self) -> Examples:
        stored = [self.clips[slot] for slot in sorted(self.clips)]
        return Examples(np.array([f for f, _ in stored]), np.array([n for _, n in stored]))


def replaced(desk: Desk) -> None:
    desk.put(1, LATER, TWO)


def other_word(desk: Desk) -> None:
    desk.relabel(0, TWO)


def noise_comes(desk: Desk) -> None:
    desk.put(7, NOISE, SILENCE)


def noise_goes(desk: Desk) -> None:
    noise_comes(desk)
    desk.prepare()
    desk.empty(7)


def noise_becomes_a_word(desk: Desk) -> None:
    noise_comes(desk)
    desk.prepare()
    desk.relabel(7, TWO)


def word_becomes_noise(desk: Desk) -> None:
    desk.put(7, NOISE, TWO)
    desk.prepare()
    desk.relabel(7, SILENCE)


def noise_changes(desk: Desk) -> None:
    noise_comes(desk)
    desk.prepare()
    desk.put(7, ANOTHER, SILENCE)


def noise_is_cleared(desk: Desk) -> None:
    noise_comes(desk)
    desk.prepare()
    kept = dict(desk.clips)
    desk.session.clear_clips(SILENCE)
    desk.clips.clear()
    for slot in (2, 3):
        desk.put(slot, *kept[slot - 2])


def noise_class_is_removed(desk: Desk) -> None:
    noise_comes(desk)
    desk.prepare()
    desk.session.link.request(m.CLASS_REMOVED, b.ClassRemoved(SILENCE, SILENCE))
    del desk.clips[7]


def another_seed(desk: Desk) -> None:
    desk.set_seed(77)


def nothing(desk: Desk) -> None:
    del desk


@pytest.fixture(scope="module", params=[8, 2, 0])
def board(request: pytest.FixtureRequest) -> Iterator[tuple[Project, Board]]:
    project = open_project(tiny_model.folder(), replace(tiny_model.HEAD, variations=request.param))
    assert project.program.variations == request.param
    with project.connect("host") as session:
        yield project, session


@pytest.mark.parametrize(
    "change",
    [
        *(nothing, replaced, other_word, another_seed, noise_comes, noise_goes, noise_changes),
        *(noise_becomes_a_word, word_becomes_noise, noise_is_cleared, noise_class_is_removed),
    ],
)
def test_what_is_kept_follows_the_clips(
    board: tuple[Project, Board], change: Callable[[Desk], None]
) -> None:
    desk = Desk(*board)
    desk.prepare()
    change(desk)
    twin = CoreEngine(Reference(desk.project.program), desk.project.package)
    twin.set_state(SEED, scalar(desk.seed))
    for recipe in (AT_ONCE, RECIPE):  # the first answer leaves nothing behind but its classes
        expected = twin.learn(desk.examples(), recipe)
        assert learn_on(desk.session, desk.project.program, recipe) == expected
        assert desk.session.read_state() == twin.read_state()


def test_no_latents_are_kept_where_the_body_is_trained() -> None:
    assert open_project(tiny_model.folder(), Options(train="all")).program.variations == 0


def test_a_variation_depends_on_seed_clip_and_noises_alone() -> None:
    core = Reference(open_project(tiny_model.folder(), tiny_model.HEAD).program)
    clips = tiny_model.examples(("one", "silence", "two"), 2)

    def made(chosen: list[int], clip: int, number: int) -> bytes:
        some = clips.take(chosen)
        variations = Variations(tiny.AUDIO, SILENCE, some, vary=True)
        return bytes(Latents(core, some, variations).of(clip, number, key=0))

    assert made([0, 1, 2], 2, 3) == made([2, 1], 0, 3) != made([2, 1], 0, 4)
    assert made([0, 1], 0, 3) != made([3, 1], 0, 3)
    assert any(made([0, 1], 0, n) != made([0], 0, n) for n in range(8))  # a noise is mixed in


def test_memories_are_not_taken_for_features_that_lie_where_they_do() -> None:
    runs = open_project(MODELS / "ds_cnn", Options(train="head"))
    program = runs.program
    source = program.graph.of_kind(Kind.INPUT)[0]
    assert program.latent.node > 0
    assert program.arena[program.latent.tensor] == program.arena[source.name]
    maps = np.random.default_rng(0).integers(-128, 128, (2, *source.shape)).astype(np.int8)
    first = len(runs.package.labels)
    clips = Examples(maps[..., 0], np.array([first, first + 1]))
    twin = CoreEngine(runs.library(), runs.package)
    with runs.connect("host") as session:
        found = BoardEngine(session, program).learn(clips, Recipe(epochs=1))
        assert found == twin.learn(clips, Recipe(epochs=1))
        assert session.read_state() == twin.read_state()
