# SPDX-License-Identifier: Apache-2.0
"""What happens to stored clips when a class is removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from myna.device import bodies as b
from myna.device import messages as m
from myna.device import target
from myna.device.link import DeviceError
from myna.device.session import Board
from myna.device.status import Status
from support.fake_board import CLASSES, build

LABELS = (3, 5, 9, 5, 0)


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("server"))


@pytest.fixture
def board(elf: Path) -> Iterator[Board]:
    """A board that stores a clip of each of `LABELS`."""
    with target.start("host", elf) as port, Board.connect(port) as connected:
        for slot, label in enumerate(LABELS):
            connected.put_features(np.full((49, 10), slot, np.int8), slot, label)
        yield connected


def labels(board: Board) -> list[int | None]:
    """The label of the clip in each slot; None if it is empty. They are asked for by emptying."""
    found: list[int | None] = [None] * len(LABELS)
    for label in reversed(range(CLASSES)):
        stored = [slot for slot in range(len(LABELS)) if holds(board, slot)]
        board.clear_clips(label)
        for slot in stored:
            if not holds(board, slot):
                found[slot] = label
    return found


def holds(board: Board, slot: int) -> bool:
    try:
        return bool((board.get_features(slot) == slot).all())
    except DeviceError as error:
        assert error.status in {Status.BAD_RANGE, Status.BAD_SLOT}
        return False


@pytest.mark.parametrize(
    ("removed", "last", "left"),
    [(5, 9, [3, None, 5, None, 0]), (9, 9, [3, 5, None, 5, 0]), (7, 9, [3, 5, 7, 5, 0])],
)
def test_clips_of_a_removed_class_go_and_those_of_the_last_take_its_place(
    board: Board, removed: int, last: int, left: list[int | None]
) -> None:
    board.link.request(m.CLASS_REMOVED, b.ClassRemoved(removed, last))
    assert board.status().clips == len(left) - left.count(None)
    assert labels(board) == left


@pytest.mark.parametrize("pair", [(CLASSES, 0), (0, CLASSES)])
def test_a_class_that_cannot_be_is_refused(board: Board, pair: tuple[int, int]) -> None:
    with pytest.raises(DeviceError) as refused:
        board.link.request(m.CLASS_REMOVED, b.ClassRemoved(*pair))
    assert refused.value.status == Status.BAD_LABEL
    assert labels(board) == list(LABELS)
