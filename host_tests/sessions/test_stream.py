# SPDX-License-Identifier: Apache-2.0
"""A board hears what the C core in this process hears, also while it learns and on a bad line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from myna.audio.config import HOP
from myna.device import bodies as b
from myna.device import messages as m
from myna.device import target
from myna.device.link import DeviceError, Link
from myna.device.ports import open_port
from myna.device.session import Board
from myna.device.status import Status
from myna.engines.listening import HostListening
from myna.learn.recipe import Recipe
from myna.learn.templates import WORDS
from myna.sessions.learning import follow
from myna.sessions.stream import BoardListening
from support.fake_board import LossyChannel, link_host
from support.listeners import RATE, THRESHOLDS, classes, pieces, project, scene, takes

NAME = "tiny"
FIRST, SECOND = classes(NAME)


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firmware under sanitizers."""
    folder = tmp_path_factory.mktemp("listening")
    return link_host(project(NAME).generated, folder / "firmware.elf")


@pytest.fixture
def port(elf: Path) -> Iterator[str]:
    with target.start("host", elf) as name:
        yield name


@pytest.fixture
def board(port: str) -> Iterator[Board]:
    with Board.connect(port) as connected:
        yield connected


def library() -> HostListening:
    found = project(NAME).library().listening()
    for number, label in enumerate((FIRST, SECOND)):
        found.make_template(label, takes(NAME, number))
        found.set_threshold(label, THRESHOLDS[NAME][number])
    return found


def enroll(board: Board) -> BoardListening:
    """The same words as `library`."""
    listening = BoardListening(board)
    for number, label in enumerate((FIRST, SECOND)):
        for take, features in enumerate(takes(NAME, number)):
            board.put_features(features, 3 * number + take, label)
        assert listening.make_template(label) == 3
        listening.set_threshold(label, THRESHOLDS[NAME][number])
    return listening


def refusal(call: Callable[[], object]) -> int:
    with pytest.raises(DeviceError) as caught:
        call()
    return caught.value.status


def test_a_board_hears_what_the_core_hears(board: Board) -> None:
    c, listening = library(), enroll(board)
    for label in (FIRST, SECOND):
        np.testing.assert_array_equal(listening.template(label), c.template(label))
    c.begin(refractory=9000)
    listening.begin(refractory=9000)
    count = 0
    for number, piece in enumerate(pieces(scene()[: 8 * RATE], 1600)):
        if number % 40 == 39:  # the host lost some
            c.skip(777)
            listening.skip(777)
        heard = listening.push(piece)
        assert heard == c.push(piece)
        count += len(heard.events)
    assert count > 2


def test_a_bad_line_changes_nothing_but_time(port: str) -> None:
    channel = LossyChannel(open_port(port), 5, 0.0005)
    board = Board(Link(channel, "lossy", timeout_s=0.05))
    c, listening = library(), enroll(board)
    c.begin()
    listening.begin()
    count = 0
    for piece in pieces(scene()[: 4 * RATE], 1600):
        heard = listening.push(piece)
        assert heard == c.push(piece)
        count += len(heard.events)
    assert channel.faults > 10
    assert heard.lost == 0
    assert count > 0
    board.link.close()


def test_it_goes_on_listening_while_it_learns(board: Board) -> None:
    c, listening = library(), enroll(board)
    c.begin()
    listening.begin()
    sound = iter(pieces(scene(), 250))
    options = follow(board, project(NAME).program, Recipe())
    learned = board.link.begin(m.LEARN, replace(options, enough=0, epochs=64))
    meanwhile = 0
    while not learned.is_ready():
        piece = next(sound)
        assert listening.push(piece) == c.push(piece)
        meanwhile += 1
    assert learned().imprinted == 2
    assert meanwhile
    for piece in list(sound)[:100]:
        heard = listening.push(piece)
        assert heard == c.push(piece)
    assert heard.lost == 0


def test_a_template_is_made_while_it_listens(board: Board) -> None:
    c, listening = library(), enroll(board)
    c.begin(gated=False)
    listening.begin(gated=False)
    first, second = scene()[: 2 * RATE], scene()[2 * RATE : 4 * RATE]
    assert listening.push(first) == c.push(first)
    listening.make_template(FIRST)
    c.make_template(FIRST, takes(NAME, 0))
    assert listening.push(second) == c.push(second)


def test_the_answer_that_is_kept_stays(board: Board) -> None:
    """The answer to a request aside is no answer to another one that is asked for again."""
    listening = enroll(board)
    listening.begin()
    link, sound = board.link, scene()[:4000]
    learned = link.begin(m.LEARN, follow(board, project(NAME).program, Recipe()))
    sent = link._flying.sent[0].encoded
    listening.push(sound)
    first = learned()
    listening.push(sound)
    link._flying.sent.clear()
    link._line.write(sent)  # as if the reply had been lost
    again = link.begin(m.STATUS, b.Empty())
    assert again().step == first.step  # it was not learned again


def test_what_cannot_be_is_refused(board: Board) -> None:
    listening = BoardListening(board)
    assert refusal(lambda: listening.push(scene()[:10])) == Status.NOT_STARTED
    assert refusal(lambda: listening.make_template(FIRST)) == Status.BAD_SLOT
    assert refusal(lambda: listening.make_template(99)) == Status.BAD_LABEL
    assert refusal(lambda: listening.template(FIRST)) == Status.BAD_LABEL
    assert refusal(lambda: listening.set_threshold(FIRST, 1)) == Status.BAD_LABEL
    bad = b.SoundBegin(0, 2)
    assert refusal(lambda: board.link.request(m.SOUND_BEGIN, bad)) == Status.BAD_RANGE
    listening.begin()
    odd = b.SoundPut(0, 0, b"abc")
    assert refusal(lambda: board.link.request(m.SOUND_PUT, odd)) == Status.BAD_RANGE
    listening.push(scene()[:10])
    listening.end()
    assert refusal(lambda: listening.push(scene()[:10])) == Status.NOT_STARTED


def test_a_word_is_forgotten_with_its_class_and_with_the_state(board: Board) -> None:
    listening = enroll(board)
    second = listening.template(SECOND)
    board.link.request(m.CLASS_REMOVED, b.ClassRemoved(FIRST, SECOND))
    np.testing.assert_array_equal(listening.template(FIRST), second)
    board.reset_state()
    assert refusal(lambda: listening.template(FIRST)) == Status.BAD_LABEL


def test_a_word_is_forgotten_with_its_clips(elf: Path, tmp_path: Path) -> None:
    with target.start("host", elf, tmp_path / "nv") as port, Board.connect(port) as board:
        board.save_state()
        board.save_state()
        for another in (lambda: board.clear_clips(FIRST), board.undo_state):
            listening = enroll(board)
            another()
            for label in (FIRST, SECOND):
                asked = partial(listening.template, label)
                assert refusal(asked) == Status.BAD_LABEL


def test_nothing_is_heard_with_a_state_that_is_incomplete(tmp_path: Path) -> None:
    """Its values are not checked yet: with these, sums of the network would overflow."""
    built, sound = project(NAME, "all"), scene()[: 3 * RATE]
    elf = link_host(built.generated, tmp_path / "firmware.elf")
    with target.start("host", elf) as port, Board.connect(port) as board:
        listening = BoardListening(board)
        listening.begin(gated=False)
        before, good = listening.push(sound[:RATE]), board.read_state()
        bad = b"\xff\xff\xff\x7f" * (len(good) // 4)
        assert refusal(lambda: board.write_state(bad)) == Status.BAD_STATE
        waits = listening.push(sound[RATE : 2 * RATE])
        assert (waits.decisions, waits.lost) == (before.decisions, 0)
        full = listening.push(sound[2 * RATE :])
        assert (full.decisions, full.lost % HOP) == (before.decisions, 0)
        assert full.lost > RATE // 2
        board.write_state(good)
        assert listening.push(sound[:1]).decisions > before.decisions


def test_events_that_the_host_does_not_know_are_told_again(board: Board) -> None:
    listening = enroll(board)
    listening.set_threshold(FIRST, -(2**31))
    listening.begin(refractory=1600, gated=False)
    for piece in pieces(scene()[: 3 * RATE], 500):
        listening.push(piece)
    known = listening._events
    assert known > WORDS
    again = board.link.request(m.SOUND_PUT, b.SoundPut(listening._time, known - 2, b""))
    assert (again.events, len(again.data)) == (known, 8 * again.words + 2 * 12)
    more = board.link.request(m.SOUND_PUT, b.SoundPut(listening._time, 0, b""))
    assert len(more.data) == 8 * more.words + 4 * 12  # those that are kept


def test_a_build_without_streaming_says_so() -> None:
    plain = project(NAME, streaming=False)
    with plain.connect("host") as board:
        assert refusal(lambda: BoardListening(board).begin()) == Status.NO_STREAMING
        assert refusal(lambda: BoardListening(board).make_template(FIRST)) == Status.NO_STREAMING
