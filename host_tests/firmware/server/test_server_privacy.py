# SPDX-License-Identifier: Apache-2.0
"""No request returns sound, whatever came before, though it lies where the model computes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from myna.device import bodies as b
from myna.device import messages as m
from myna.device import target
from myna.device.link import DeviceError
from myna.device.messages import Exchange
from myna.device.session import Board
from myna.device.status import Status
from myna.device.wire import Message
from myna.passes.memory.plan import Program
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from support import tiny, tiny_model

PCM = np.full(200, 0x1234, "<i2").tobytes()
UPLOAD_SLOT, FREE_SLOT = 2, 3
LEARN = b.Learn(0, 1, 0, 1, 1)
USES: list[tuple[Exchange[Any, Any], Message]] = [
    (m.INFER, b.Infer(0)),
    (m.INFER, b.Infer(0, trace=1)),
    (m.SCORE, b.Score(0, 2)),
    (m.TRAIN, b.Train(1)),
    (m.LEARN, LEARN),
    (m.ADAPT, LEARN),
    (m.TAKES, b.Takes(1)),
    (m.VERIFY, b.Verify(0)),
    (m.LISTEN, b.Listen(FREE_SLOT, 0, 0, 0, 9)),
    (m.TENSOR_READ, b.TensorRead(0, 0, 1)),
]


@pytest.fixture(scope="module")
def project() -> Project:
    return open_project(tiny_model.folder("plain"), Options())


@pytest.fixture
def board(project: Project, tmp_path: Path) -> Iterator[Board]:
    """A board that stores three clips of features, and has begun to hear another."""
    elf = project.firmware("host").elf
    with target.start("host", elf, tmp_path / "nv") as port, Board.connect(port) as session:
        for slot, label in ((0, 0), (1, 1), (FREE_SLOT, None)):
            session.put_features(tiny.features(4)[slot, ..., 0], slot, label)
        session.trace_step()
        session.link.request(m.AUDIO_BEGIN, b.AudioBegin(1000, UPLOAD_SLOT, 0))
        session.link.request(m.AUDIO_DATA, b.Piece(0, PCM))
        yield session


def test_no_tensor_shows_the_sound_of_an_upload(board: Board, project: Project) -> None:
    seen = [board.read_tensor(*output) for output in _outputs(project.program)]
    assert any(any(data) for data in seen)
    assert not any(PCM[:4] in data for data in seen)


def _outputs(program: Program) -> list[tuple[int, int]]:
    """Number and size of each output of a training step."""
    step = program.graph.nodes[: program.train_nodes]
    names = [name for node in step for name in node.outputs]
    return [(i, program.graph.tensors[name].nbytes) for i, name in enumerate(names)]


@pytest.mark.parametrize("use", USES, ids=[f"{use[0].name}{i}" for i, use in enumerate(USES)])
def test_what_uses_the_model_ends_an_upload(
    board: Board, use: tuple[Exchange[Any, Any], Message]
) -> None:
    """What follows must not be taken for the rest of a sound that was overwritten."""
    board.link.request(*use)
    with pytest.raises(DeviceError) as refused:
        board.link.request(m.AUDIO_DATA, b.Piece(len(PCM) // 2, PCM))
    assert refused.value.status == Status.NOT_STARTED


def test_other_requests_leave_an_upload_alone(board: Board) -> None:
    board.status()
    board.relabel(0, 1)
    board.link.request(m.AUDIO_DATA, b.Piece(len(PCM) // 2, PCM))
