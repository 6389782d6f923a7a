# SPDX-License-Identifier: Apache-2.0
"""Words that a board listens for belong to its state: saved, undone and forgotten with it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from myna.device import bodies as b
from myna.device import messages as m
from myna.device import target
from myna.device.link import DeviceError
from myna.device.session import Board
from myna.device.status import Status
from myna.learn.detect import STEPS, Event
from myna.learn.recipe import Recipe
from myna.learn.templates import RIVALS, SIGHTINGS, SILENT, most_words
from myna.passes.training.imprint import embedding_of
from myna.sessions.learning import learn_on
from myna.sessions.stream import BoardListening, StoredWord
from myna.sessions.words import remove_class
from support.fake_board import link_host
from support.fake_flash import DATA_AT, HEADER, sign
from support.listeners import RATE, THRESHOLDS, classes, pieces, project, scene, takes

NAME = "tiny"
FIRST, SECOND = classes(NAME)


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firmware under sanitizers."""
    folder = tmp_path_factory.mktemp("templates")
    return link_host(project(NAME).generated, folder / "firmware.elf")


@pytest.fixture
def nv(tmp_path: Path) -> Path:
    return tmp_path / "flash"


@contextmanager
def powered(elf: Path, nv: Path) -> Iterator[tuple[Board, BoardListening]]:
    """A board, from power-up to power-off."""
    with target.start("host", elf, nv) as port, Board.connect(port) as board:
        yield board, BoardListening(board)


def store(board: Board, number: int) -> None:
    """Three takes of a word."""
    for take, features in enumerate(takes(NAME, number)):
        board.put_features(features, 3 * number + take, (FIRST, SECOND)[number])


def enroll(board: Board, number: int) -> None:
    listening, label = BoardListening(board), (FIRST, SECOND)[number]
    store(board, number)
    assert listening.make_template(label) == 3
    listening.set_threshold(label, THRESHOLDS[NAME][number], 0.5 + number)


def heard(listening: BoardListening) -> list[Event]:
    listening.begin(refractory=9000)
    return [
        event for one in pieces(scene()[: 8 * RATE], 1600) for event in listening.push(one).events
    ]


def expected(*numbers: int) -> list[Event]:
    """What a core hears that was taught these words."""
    c = project(NAME).library().listening()
    for number in numbers:
        label = (FIRST, SECOND)[number]
        c.make_template(label, takes(NAME, number))
        c.set_threshold(label, THRESHOLDS[NAME][number])
    return heard(c)


def test_a_board_listens_again_when_it_is_told_to(elf: Path, nv: Path) -> None:
    with powered(elf, nv) as (board, listening):
        enroll(board, 0)
        enroll(board, 1)
        templates = [listening.template(label) for label in (FIRST, SECOND)]
        board.save_state()
    with powered(elf, nv) as (board, listening):
        found = heard(listening)
        assert found
        assert found == expected(0, 1)
        for label, before in zip((FIRST, SECOND), templates, strict=True):
            np.testing.assert_array_equal(listening.template(label), before)
        assert listening.word(FIRST) == StoredWord(3, THRESHOLDS[NAME][0], 0.5)
        assert listening.word(SECOND) == StoredWord(3, THRESHOLDS[NAME][1], 1.5)


def test_a_word_without_a_threshold_is_silent_after_a_restart_too(elf: Path, nv: Path) -> None:
    with powered(elf, nv) as (board, listening):
        store(board, 0)
        listening.make_template(FIRST)
        board.save_state()
    with powered(elf, nv) as (board, listening):
        assert listening.word(FIRST) == StoredWord(3, SILENT, 0.0)
        assert heard(listening) == []


def test_undo_takes_words_back_with_their_takes(elf: Path, nv: Path) -> None:
    with powered(elf, nv) as (board, listening):
        enroll(board, 0)
        board.save_state()
        enroll(board, 1)
        board.save_state()
        listening.begin()
        board.undo_state()
        assert listening.word(SECOND) is None
        assert board.status().clips == 3
        assert heard(listening) == expected(0)
        board.undo_state()
        assert heard(listening) == expected(0)
        board.save_state()  # now the other one is what was saved before
        board.undo_state()
        assert heard(listening) == expected(0, 1)


def test_undo_to_a_state_that_had_no_word(elf: Path, nv: Path) -> None:
    with powered(elf, nv) as (board, listening):
        board.save_state()
        enroll(board, 0)
        board.save_state()
        board.undo_state()
        assert listening.word(FIRST) is None


def test_what_the_user_said_of_sounds_is_kept_and_undone(elf: Path, nv: Path) -> None:
    with powered(elf, nv) as (board, listening):
        enroll(board, 0)
        board.save_state()
        own, found = listening.template(FIRST), heard(listening)
        kept = listening.sightings()
        assert len(kept) == SIGHTINGS
        assert {one.label for one in kept} == {FIRST}
        assert kept[0].number > kept[1].number
        listening.refuse(kept[0].number)
        listening.add(kept[1].number, FIRST)
        assert listening.sightings() == kept[2:]
        for gone in kept[:2]:
            with pytest.raises(DeviceError, match="no longer keeps"):
                listening.add(gone.number, FIRST)
        with pytest.raises(DeviceError, match="no such class"):
            listening.add(kept[2].number, SECOND)
        changed, after = listening.template(FIRST), heard(listening)
        assert (changed != own).any()
        assert len(after) < len(found)
        board.save_state()
    with powered(elf, nv) as (board, listening):
        assert listening.word(FIRST) == StoredWord(4, THRESHOLDS[NAME][0], 0.5)
        np.testing.assert_array_equal(listening.template(FIRST), changed)
        assert heard(listening) == after
        board.undo_state()
        np.testing.assert_array_equal(listening.template(FIRST), own)
        assert listening.sightings() == ()
        assert heard(listening) == found


def test_only_the_latest_refused_sounds_are_kept(elf: Path, nv: Path) -> None:
    with powered(elf, nv) as (board, listening):
        enroll(board, 0)
        for _ in range(2):
            heard(listening)
            for one in listening.sightings():
                listening.refuse(one.number)
            listening.set_threshold(FIRST, -(2**31))
        assert listening.rivals() == RIVALS
        board.link.request(m.CLASS_REMOVED, b.ClassRemoved(FIRST, FIRST))
        assert listening.rivals() == 0


def test_a_removed_word_goes_and_the_last_one_follows(elf: Path, nv: Path) -> None:
    program = project(NAME).program
    with powered(elf, nv) as (board, listening):
        enroll(board, 0)
        enroll(board, 1)
        learn_on(board, program, Recipe(epochs=1))
        remove_class(board, program, FIRST)
        board.save_state()
    with powered(elf, nv) as (board, listening):
        assert listening.word(FIRST) == StoredWord(3, THRESHOLDS[NAME][1], 1.5)
        assert listening.word(SECOND) is None
        assert {event.word for event in heard(listening)} == {FIRST}
        board.clear_clips(FIRST)
        assert listening.word(FIRST) is None


def test_a_reset_board_listens_for_nothing(elf: Path, nv: Path) -> None:
    with powered(elf, nv) as (board, listening):
        enroll(board, 0)
        board.save_state()
        board.reset_state()
        assert listening.word(FIRST) is None
    with powered(elf, nv) as (board, listening):
        assert listening.word(FIRST) is not None, "the reset was not saved"
        board.reset_state()
        board.forget_state()
    with powered(elf, nv) as (board, listening):
        assert listening.word(FIRST) is None


GRAPH = project(NAME).program.graph
SIZE = STEPS * embedding_of(GRAPH).size  # of a template
WORDS = most_words(GRAPH.tensors[GRAPH.outputs[0]].size)
LABELS_AT = (SIZE + 4 + 4) * WORDS + SIZE * RIVALS
COUNT_AT = LABELS_AT + 4 * WORDS + 2 * RIVALS


@pytest.mark.parametrize(
    ("at", "value"),
    [
        pytest.param(COUNT_AT, (WORDS + 1).to_bytes(2, "little"), id="too-many"),
        pytest.param(COUNT_AT, b"\xff\xff", id="far-too-many"),
        pytest.param(COUNT_AT + 2, (RIVALS + 1).to_bytes(2, "little"), id="too-many-refused"),
        pytest.param(COUNT_AT + 2, (1).to_bytes(2, "little"), id="refused-of-no-word"),
        pytest.param(LABELS_AT, (60000).to_bytes(2, "little"), id="no-class"),
        pytest.param(LABELS_AT, SECOND.to_bytes(2, "little"), id="one-class-twice"),
        pytest.param(SIZE, b"\x7f" * (SIZE // STEPS), id="no-direction"),
    ],
)
def test_words_that_can_be_none_are_not_used(elf: Path, nv: Path, at: int, value: bytes) -> None:
    with powered(elf, nv) as (board, listening):
        built = board.read_state()
        enroll(board, 0)
        enroll(board, 1)
        board.save_state()
    flash = bytearray(nv.read_bytes())
    words = list(HEADER.unpack(flash[: HEADER.size]))
    start = DATA_AT + -(-len(built) // DATA_AT) * DATA_AT + at
    flash[start : start + len(value)] = value
    words[6] = zlib.crc32(flash[DATA_AT : DATA_AT + words[4]])
    flash[: HEADER.size] = sign(HEADER.pack(*words))
    nv.write_bytes(flash)
    with powered(elf, nv) as (board, listening):
        status = board.status()
        assert (status.storage, status.clips) == (Status.BAD_STATE, 0)
        assert board.read_state() == built
        assert listening.word(FIRST) is None


def test_a_firmware_that_does_not_listen_keeps_no_words(
    nv: Path, elf: Path, tmp_path: Path
) -> None:
    deaf = link_host(project(NAME, streaming=False).generated, tmp_path / "deaf.elf")
    with powered(elf, nv) as (board, _):
        enroll(board, 0)
        board.save_state()
    with powered(deaf, nv) as (board, listening):
        assert (board.status().storage, board.status().clips) == (Status.OK, 3)
        with pytest.raises(DeviceError, match="built without it"):
            listening.word(FIRST)
        board.save_state()
    with powered(elf, nv) as (board, listening):
        assert board.status().clips == 3
        assert listening.word(FIRST) is None
