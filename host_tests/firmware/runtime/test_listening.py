# SPDX-License-Identifier: Apache-2.0
"""Every core hears the same; minutes of sound with an enrollment in their midst, none of it lost.

`MYNA_LISTEN_MINUTES=10` says how many minutes; by default it is a quarter of one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from myna.audio.config import HOP
from myna.audio.features import Pcm
from myna.device import messages as m
from myna.device.bodies import Empty, Piece, UpdateMake
from myna.device.session import Board
from myna.engines.library import HostLibrary
from myna.evaluation.engine import CoreEngine
from myna.learn.detect import Event
from myna.learn.examples import Examples
from myna.learn.recipe import Recipe
from myna.sessions.learning import follow
from myna.sessions.stream import BoardListening
from support.listeners import RATE, THRESHOLDS, classes, pieces, project, scene, take, takes
from support.pairs import emulated

MINUTES = float(os.environ.get("MYNA_LISTEN_MINUTES", "0.25"))
SHORTEST, LONGEST = RATE // 50, RATE // 10  # of pieces


def enroll(board: Board, listening: BoardListening, name: str) -> None:
    for number, label in enumerate(classes(name)):
        for i, features in enumerate(takes(name, number)):
            board.put_features(features, 3 * number + i, label)
        listening.make_template(label)
        listening.set_threshold(label, THRESHOLDS[name][number])


@pytest.mark.parametrize("core", emulated())
def test_every_core_hears_the_same(core: str) -> None:
    c = project("tiny").library().listening()
    for number, label in enumerate(classes("tiny")):
        c.make_template(label, takes("tiny", number))
        c.set_threshold(label, THRESHOLDS["tiny"][number])
    with project("tiny").connect(core) as board:
        listening = BoardListening(board)
        enroll(board, listening, "tiny")
        c.begin(refractory=8000)
        listening.begin(refractory=8000)
        found: list[Event] = []
        for piece in pieces(scene()[: 3 * RATE], 1600):
            heard = listening.push(piece)
            assert heard == c.push(piece)
            found += heard.events
    assert found


def patch(board: Board) -> None:
    board.patch_state(0, board.read_state()[:4])


def replace_whole(board: Board) -> None:
    board.write_state(board.read_state())


def swap(board: Board) -> None:
    board.link.request(m.UNSENT_SWAP, Empty())


def tell_and_be_told(board: Board) -> None:
    size = project("tiny", "all").program.arena_bytes
    made = board.link.request(m.UPDATE_MAKE, UpdateMake(size, b""))
    board.link.request(m.DIFFERENCE_WRITE, Piece(0, made.data))
    board.link.request(m.DIFFERENCE_APPLY, Empty())


CHANGES = (patch, replace_whole, swap, tell_and_be_told, Board.reset_state)


@pytest.mark.parametrize("train", ["all", "head"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_other_weights_heard_is_not_used(change: Callable[[Board], None], train: str) -> None:
    """Where training changes no layer that hears, no state does."""
    streaming = project("tiny", train).streaming
    assert streaming is not None
    with project("tiny", train).connect("host") as board:
        board.link.request(m.BASE_SET, Empty())
        listening, second = BoardListening(board), scene()[:RATE]
        listening.begin(gated=False)
        listening.push(second)
        before = listening.push(second).decisions
        change(board)
        made = listening.push(second).decisions - before
        assert made == RATE // HOP // streaming.period - (
            streaming.warm_up if train == "all" else 0
        )


def minutes() -> Iterator[Pcm]:
    """The scene again and again, in pieces as a microphone gives them."""
    rng, rest = np.random.default_rng(8), int(60 * RATE * MINUTES)
    while rest > 0:
        at = 0
        while at < len(scene()) and rest > 0:
            size = min(int(rng.integers(SHORTEST, LONGEST + 1)), rest, len(scene()) - at)
            yield scene()[at : at + size]
            at, rest = at + size, rest - size


def learned_here(library: HostLibrary, examples: Examples) -> bytes:
    """The state of a core that learned the same."""
    CoreEngine(library, project("ds_cnn").package).learn(examples, Recipe())
    return library.read_state()


@pytest.mark.qemu
def test_minutes_with_an_enrollment_in_their_midst() -> None:
    name, (first, second) = "ds_cnn", classes("ds_cnn")
    library = project(name).library()
    c, sound = library.listening(), list(minutes())
    with project(name).connect("qemu_m4") as board:
        listening = BoardListening(board)
        half = iter(sound[len(sound) // 2 :])
        found: list[Event] = []

        def push(piece: Pcm) -> None:
            heard = listening.push(piece)
            assert heard == c.push(piece)
            assert heard.lost == 0
            found.extend(heard.events)

        c.begin()
        listening.begin()
        for piece in sound[: len(sound) // 2]:
            push(piece)
        examples = _teach(board, (first, second), push, half)
        for number, label in enumerate((first, second)):
            listening.make_template(label)
            c.make_template(label, examples.features[examples.labels == label])
            c.set_threshold(label, THRESHOLDS[name][number])
            listening.set_threshold(label, THRESHOLDS[name][number])
        learned = board.link.begin(m.LEARN, follow(board, project(name).program, Recipe()))
        meanwhile = 0
        while not learned.is_ready():
            push(next(half))
            meanwhile += 1
        assert learned().imprinted == 2
        for piece in half:
            push(piece)
        state = board.read_state()
    assert meanwhile > 0
    assert state == learned_here(library, examples)
    assert found
    total = sum(map(len, sound))
    print(
        f"{total / RATE / 60:.2f} minutes, {len(found)} events, {meanwhile} pieces while learning"
    )


def _teach(
    board: Board, labels: tuple[int, int], push: Callable[[Pcm], None], sound: Iterator[Pcm]
) -> Examples:
    """Three takes of each word, and a piece of sound behind each; what the board made of them."""
    maps, own = [], []
    for number, label in enumerate(labels):
        for i in range(3):
            slot = 3 * number + i
            board.upload_audio(take(number, i), slot, label)
            board.relabel(slot, label)
            push(next(sound))
            maps.append(board.get_features(slot))
            own.append(label)
    return Examples(np.array(maps), np.array(own, np.int64))
