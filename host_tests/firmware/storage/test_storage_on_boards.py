# SPDX-License-Identifier: Apache-2.0
"""Boards that are killed, restarted and flashed anew: what they still know."""

from __future__ import annotations

import os
import random
import signal
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from myna.device import bodies as b
from myna.device import messages as m
from myna.device import ports, target
from myna.device.frame import Decoder, Frame, encode
from myna.device.link import DeviceError
from myna.device.session import Board
from myna.device.status import Status
from support import fake_board
from support.fake_board import FEATURE_BYTES, FakeModel
from support.fake_flash import DATA_AT, HEADER, is_intact, sign
from support.pairs import emulated

SLOT = 256 * 1024
CLIPS = {3: (np.random.default_rng(8).integers(-128, 128, (49, 10), np.int8), 2)}
CLIP_BYTES = 498  # of struct clip
LABEL_AT = FEATURE_BYTES + 4  # in it
LAST_CLIP_AT = -(-len(FakeModel().state()) // 32) * 32 + max(CLIPS) * CLIP_BYTES
ERASED = 0xFFFFFFFF
ROUNDS = 60  # saves that fit in the board's receive window at once
WITHOUT_MEMORY = [("qemu_m4", False), ("qemu_m55", False), ("qemu_m55", True)]  # is a file given?


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The firmware with the fake model for a board, built once."""
    images: dict[str, Path] = {}

    def build(board: str) -> Path:
        if board not in images:
            images[board] = (
                fake_board.build(tmp_path_factory.mktemp(board))
                if board == "host"
                else fake_board.emulated(board)
            )
        return images[board]

    return build


@pytest.fixture
def nv(tmp_path: Path) -> Path:
    return tmp_path / "memory, of the board"


def _learn(board: Board, steps: int) -> None:
    (slot, (features, label)), *_ = CLIPS.items()
    board.put_features(features, slot, label)
    board.train(steps)


def _learned(steps: int) -> bytes:
    twin = FakeModel()
    twin.train(CLIPS, steps)
    return twin.state()


def _refusal(call: Callable[[], object]) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        call()
    return caught.value


def _slots(name: str, nv: Path) -> npt.NDArray[np.uint32]:
    """The two slots, each a row, in the file of a board's memory, as they are at any moment."""
    start = 0 if name == "host" else 4096
    return np.memmap(nv, np.uint32, "r", start, (2, SLOT // 4))


def _change(nv: Path, at: int, value: bytes) -> None:
    """Overwrites some bytes of what a host board saved in slot 0, with right CRCs."""
    flash = bytearray(nv.read_bytes())
    flash[DATA_AT + at : DATA_AT + at + len(value)] = value
    words = list(HEADER.unpack(flash[: HEADER.size]))
    words[6] = zlib.crc32(flash[DATA_AT : DATA_AT + words[4]])
    flash[: HEADER.size] = sign(HEADER.pack(*words))
    nv.write_bytes(flash)


@pytest.mark.parametrize("name", ["host", *emulated("qemu_m3", "qemu_m4", "qemu_m7")])
def test_what_was_saved_is_there_after_a_restart(
    image: Callable[[str], Path], name: str, nv: Path
) -> None:
    elf = image(name)
    with target.start(name, elf, nv) as port, Board.connect(port) as board:
        status = board.status()
        assert (status.storage, status.state_from_storage) == (Status.NOTHING_STORED, 0)
        _learn(board, 5)
        assert board.save_state() == b.StateSaved(1, 0)
        status = board.status()
        assert (status.storage, status.stored_sequence) == (Status.OK, 1)
        assert status.state_from_storage == 0
        _learn(board, 2)
    with target.start(name, elf, nv) as port, Board.connect(port) as board:
        status = board.status()
        assert (status.storage, status.stored_sequence) == (Status.OK, 1)
        assert (status.state_from_storage, status.step, status.clips) == (1, 5, 1)
        assert board.read_state() == _learned(5)
        (slot, (features, _)), *_ = CLIPS.items()
        assert (board.get_features(slot) == features).all()
        assert board.score().labels.keys() == {slot}
        board.train(3)
        assert board.status().state_from_storage == 1
        assert board.save_state() == b.StateSaved(2, 1)
        board.reset_state()
        assert board.read_state() == _learned(0)
        assert board.status().state_from_storage == 0
        if name != "host":
            assert status.stack_high_water < status.stack_bytes // 2
    with target.start(name, elf, nv) as port, Board.connect(port) as board:
        assert board.read_state() == _learned(8)
        board.forget_state()
        status = board.status()
        assert (status.storage, status.stored_sequence) == (Status.NOTHING_STORED, 0)
        assert board.read_state() == _learned(8), "forgetting is about the memory, not the state"
    assert (_slots(name, nv) == ERASED).all()
    with target.start(name, elf, nv) as port, Board.connect(port) as board:
        assert board.read_state() == _learned(0)


def _train_and_save(board: Board) -> bytes:
    """Requests of ROUNDS steps, each followed by a save, as one piece."""
    first = board.link._sequence
    requests = [(m.TRAIN.code, b.Train(1).pack()), (m.STATE_SAVE.code, b"")] * ROUNDS
    return b"".join(
        encode(Frame(code, (first + i) & 0xFFFF, payload))
        for i, (code, payload) in enumerate(requests)
    )


def _confirmed(board: Board, decoder: Decoder) -> int:
    """Saves whose replies have come since the last call."""
    channel = board.link._line._channel
    frames = decoder.feed(channel.read(channel.in_waiting))
    return sum(frame.type == m.STATE_SAVE.code + m.REPLY for frame in frames)


def _life(name: str, elf: Path, folder: Path, seconds: float) -> tuple[int, float]:
    """Boots a board that trains and saves without pause, and kills it in the middle of a save
    after a while, unless it has done them all.

    Returns:
        How many saves it confirmed, and after how many seconds the last of them came.
    """
    with Board.connect(str(ports.boot(name, elf, folder))) as board:
        pid = int((folder / f"{name}.pid").read_text().split()[0])
        headers = _slots(name, folder / f"{name}.nv")[:, 0]
        board.put_features(CLIPS[3][0], 3, CLIPS[3][1])
        decoder, saves, last = Decoder(), 0, 0.0
        board.link._line._channel.write(_train_and_save(board))
        start = time.monotonic()
        while saves < ROUNDS and time.monotonic() - start < seconds:
            if some := _confirmed(board, decoder):
                saves, last = saves + some, time.monotonic() - start
        # A slot without header is being written; nothing else here, for that takes microseconds.
        while saves < ROUNDS and time.monotonic() - start < seconds + 1:
            if headers[0] == ERASED or headers[1] == ERASED:
                break
        os.kill(pid, signal.SIGKILL)
    ports.halt(name, folder)
    return saves, last


@pytest.mark.parametrize(
    ("name", "lives"), [("host", 40), pytest.param("qemu_m4", 10, marks=pytest.mark.qemu)]
)
def test_killed_while_saving_it_wakes_with_a_committed_state(
    image: Callable[[str], Path], name: str, lives: int, tmp_path: Path
) -> None:
    elf, generator = image(name), random.Random(9)
    saves, whole = _life(name, elf, tmp_path / "whole", 30.0)
    assert saves == ROUNDS
    torn = 0
    for life in range(lives):
        folder = tmp_path / f"life{life}"
        nv = folder / f"{name}.nv"
        confirmed, _ = _life(name, elf, folder, generator.uniform(0, whole / 2))
        torn += sum(slot[0] != 0 and not is_intact(slot.tobytes()) for slot in _slots(name, nv))
        with target.start(name, elf, nv) as port, Board.connect(port) as board:
            status = board.status()
            assert confirmed <= status.stored_sequence == status.step
            assert board.read_state() == _learned(status.stored_sequence)
            assert board.save_state().sequence == status.stored_sequence + 1
    assert torn > 0, "no life ended in the middle of a save"


def test_another_model_starts_afresh_and_says_so(
    image: Callable[[str], Path], nv: Path, tmp_path: Path
) -> None:
    first, other = image("host"), fake_board.build(tmp_path, fingerprint="0x99")
    with target.start("host", first, nv) as port, Board.connect(port) as board:
        _learn(board, 4)
        board.save_state()
    with target.start("host", other, nv) as port, Board.connect(port, fingerprint=0x99) as board:
        status = board.status()
        assert (status.storage, status.state_from_storage) == (Status.OTHER_MODEL, 0)
        assert board.read_state() == _learned(0)
        _learn(board, 1)
        assert board.save_state() == b.StateSaved(2, 1)
    with target.start("host", first, nv) as port, Board.connect(port) as board:
        assert board.read_state() == _learned(4), "the other model's save took the other slot"


@pytest.mark.parametrize(
    ("name", "given"),
    [("host", False), *(pytest.param(*p, marks=pytest.mark.qemu) for p in WITHOUT_MEMORY)],
)
def test_a_board_that_forgets_says_so(
    image: Callable[[str], Path], name: str, given: bool, nv: Path
) -> None:
    with (
        target.start(name, image(name), nv if given else None) as port,
        Board.connect(port) as board,
    ):
        assert board.status().storage == Status.NO_STORAGE
        error = _refusal(board.save_state)
        assert error.status == _refusal(board.forget_state).status == Status.NO_STORAGE
        assert "STATE_SAVE refused: this board forgets when it is off" in str(error)
    assert not nv.exists()


def test_an_incomplete_state_is_not_saved(image: Callable[[str], Path], nv: Path) -> None:
    with target.start("host", image("host"), nv) as port, Board.connect(port) as board:
        _learn(board, 1)
        board.save_state()
        board.stop_step(1)
        assert _refusal(board.save_state).status == Status.STATE_INCOMPLETE
    with target.start("host", image("host"), nv) as port, Board.connect(port) as board:
        assert board.read_state() == _learned(1)


def test_a_stored_state_that_the_model_cannot_run_is_not_used(
    image: Callable[[str], Path], nv: Path
) -> None:
    with target.start("host", image("host"), nv) as port, Board.connect(port) as board:
        _learn(board, 1)
        board.save_state()
    _change(nv, 8, (13).to_bytes(4, "little"))
    with target.start("host", image("host"), nv) as port, Board.connect(port) as board:
        status = board.status()
        assert (status.storage, status.state_from_storage) == (Status.BAD_STATE, 0)
        assert board.read_state() == _learned(0)
        assert status.clips == 0


@pytest.mark.parametrize("name", ["host", *emulated("qemu_m4")])
def test_what_was_saved_last_can_be_undone_and_done_again(
    image: Callable[[str], Path], name: str, nv: Path
) -> None:
    elf = image(name)
    with target.start(name, elf, nv) as port, Board.connect(port) as board:
        assert _refusal(board.undo_state).status == Status.NOTHING_STORED
        board.save_state()
        assert _refusal(board.undo_state).status == Status.NOTHING_STORED
        _learn(board, 4)
        board.save_state()
        board.undo_state()
        assert (board.read_state(), board.status().clips) == (_learned(0), 0)
    with target.start(name, elf, nv) as port, Board.connect(port) as board:
        assert (board.read_state(), board.status().clips) == (_learned(4), 1), "it was not saved"
        board.undo_state()
        assert board.save_state().sequence == 3
    with target.start(name, elf, nv) as port, Board.connect(port) as board:
        assert (board.read_state(), board.status().clips) == (_learned(0), 0)
        board.undo_state()
        assert (board.read_state(), board.status().clips) == (_learned(4), 1)


def test_a_stored_clip_that_the_model_cannot_have_is_not_used(
    image: Callable[[str], Path], nv: Path
) -> None:
    with target.start("host", image("host"), nv) as port, Board.connect(port) as board:
        _learn(board, 1)
        board.save_state()
    for at, value in ((LABEL_AT, fake_board.CLASSES), (LABEL_AT - 2, FEATURE_BYTES - 1)):
        content = nv.read_bytes()
        _change(nv, LAST_CLIP_AT + at, value.to_bytes(2, "little"))
        with target.start("host", image("host"), nv) as port, Board.connect(port) as board:
            status = board.status()
            assert (status.storage, status.clips) == (Status.BAD_STATE, 0)
            assert board.read_state() == _learned(0)
        nv.write_bytes(content)


@pytest.mark.parametrize("name", ["host", *emulated("qemu_m4")])
def test_a_booted_board_keeps_its_memory_beside_its_port(
    image: Callable[[str], Path], name: str, tmp_path: Path
) -> None:
    try:
        with Board.connect(str(ports.boot(name, image(name), tmp_path))) as board:
            _learn(board, 3)
            board.save_state()
        ports.halt(name, tmp_path)
        assert (tmp_path / f"{name}.nv").is_file()
        with Board.connect(str(ports.boot(name, image(name), tmp_path))) as board:
            assert board.read_state() == _learned(3)
    finally:
        ports.halt(name, tmp_path)
