# SPDX-License-Identifier: Apache-2.0
"""The firmware's server as a real process, with a model that the tests can follow."""

from __future__ import annotations

import random
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from myna.audio import endpoint
from myna.audio.features import extract
from myna.device import bodies as b
from myna.device import messages as m
from myna.device import target
from myna.device.frame import DELIMITER, Frame, encode
from myna.device.link import DeviceError, Link
from myna.device.ports import open_port
from myna.device.session import Board
from myna.device.status import Status
from myna.device.wire import layout
from myna.errors import MynaError
from myna.learn import schedule
from support.fake_board import (
    AUDIO,
    CLIPS,
    FEATURE_BYTES,
    FakeModel,
    LossyChannel,
    build,
    emulated,
)
from support.pairs import some_by_day
from support.tcp import over_tcp

SECOND = 16000
Clips = dict[int, tuple[npt.NDArray[np.int8], int]]


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("server"))


@pytest.fixture
def port(elf: Path, tmp_path: Path) -> Iterator[str]:
    with target.start("host", elf, tmp_path / "nv") as name:
        yield name


@pytest.fixture
def board(port: str) -> Iterator[Board]:
    with Board.connect(port) as connected:
        yield connected


def _refusal(call: Callable[[], object]) -> int:
    with pytest.raises(DeviceError) as caught:
        call()
    return caught.value.status


def _sound(seed: int, samples: int = SECOND) -> npt.NDArray[np.int16]:
    return np.random.default_rng(seed).normal(0, 3000, samples).astype(np.int16)


def _random_clips(count: int) -> Clips:
    generator = np.random.default_rng(3)
    slots = sorted(generator.choice(CLIPS, count, replace=False).tolist())
    return {
        slot: (generator.integers(-128, 128, (49, 10), np.int8), int(generator.integers(10)))
        for slot in slots
    }


def _store(board: Board, clips: Clips) -> Clips:
    for slot, (features, label) in clips.items():
        board.put_features(features, slot, label)
    return clips


# -- the session ----------------------------------------------------------------------------------


def test_hello_describes_board_and_model(board: Board) -> None:
    info = board.info
    assert (info.board, info.model, info.fingerprint) == ("host", "fake", 0x12345678)
    assert (info.frames, info.coefficients, info.max_clips) == (49, 10, CLIPS)
    assert info.state_bytes == len(FakeModel().state())
    assert board.labels[:3] == ("silence", "unknown", "yes")
    assert len(board.labels) == info.max_classes == 12
    status = board.status()
    assert (status.step, status.classes, status.clips, status.state_incomplete) == (0, 10, 0, 0)
    assert status.clip_bytes >= CLIPS * FEATURE_BYTES
    assert status.buffer_bytes < 8000 + info.state_bytes  # and a copy of the state


def test_another_fingerprint_is_refused_and_frees_the_port(port: str) -> None:
    with pytest.raises(MynaError, match="not the one meant"):
        Board.connect(port, fingerprint=1)
    with Board.connect(port, fingerprint=0x12345678):
        pass


def test_a_session_follows_another_and_finds_its_state(port: str) -> None:
    with Board.connect(port) as first:
        first.patch_state(8, struct.pack("<i", 9))
        _store(first, _random_clips(2))
    with Board.connect(port) as second:
        assert (second.status().classes, second.status().clips) == (9, 2)


def test_without_a_session_every_request_is_refused(port: str) -> None:
    with Link(open_port(port), port) as link:
        assert _refusal(lambda: link.request(m.CLIPS_CLEAR, b.ClipsClear(0))) == Status.NO_SESSION


def test_malformed_requests_are_refused(board: Board) -> None:
    unknown = m.Exchange("UNKNOWN", 100, b.Empty, b.Empty, m.Repeat.STATUS, "")
    longer = m.Exchange("INFER", m.INFER.code, b.Hello, b.Empty, m.Repeat.STATUS, "")
    shorter = m.Exchange("INFER", m.INFER.code, b.Resend, b.Empty, m.Repeat.STATUS, "")
    link = board.link
    assert _refusal(lambda: link.request(unknown, b.Empty())) == Status.UNKNOWN_MESSAGE
    assert _refusal(lambda: link.request(longer, b.Hello(0, 0))) == Status.BAD_REQUEST
    assert _refusal(lambda: link.request(shorter, b.Resend(0))) == Status.BAD_REQUEST


# -- clips ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [1, 4000, 15872, SECOND, 20000])
def test_features_are_those_of_the_reference(board: Board, samples: int) -> None:
    pcm = _sound(samples, samples)
    told: list[tuple[int, int]] = []
    reply = board.upload_audio(pcm, 5, 3, lambda *done: told.append(done))
    features = extract(AUDIO, endpoint.cut(AUDIO, pcm))
    assert np.array_equal(board.get_features(5), features)
    assert reply.feature_crc == zlib.crc32(features.tobytes())
    assert reply.peak == np.abs(pcm.astype(int)).max()
    assert reply.mean_square == int((pcm.astype(np.int64) ** 2).sum()) // samples
    assert told[-1] == (samples, samples)


def test_uploads_out_of_order_are_refused(board: Board) -> None:
    link = board.link
    piece = b.Piece(0, bytes(8))

    def begin() -> None:
        link.request(m.AUDIO_BEGIN, b.AudioBegin(6, 1, 2))

    assert _refusal(lambda: link.request(m.AUDIO_DATA, piece)) == Status.NOT_STARTED
    assert _refusal(lambda: link.request(m.AUDIO_END, b.Empty())) == Status.NOT_STARTED
    begin()
    assert _refusal(lambda: link.request(m.AUDIO_DATA, b.Piece(1, bytes(8)))) == Status.BAD_RANGE
    assert _refusal(lambda: link.request(m.AUDIO_DATA, b.Piece(0, bytes(7)))) == Status.BAD_RANGE
    link.request(m.AUDIO_DATA, piece)
    assert _refusal(lambda: link.request(m.AUDIO_DATA, b.Piece(4, bytes(6)))) == Status.BAD_RANGE
    assert _refusal(lambda: link.request(m.AUDIO_END, b.Empty())) == Status.DATA_MISSING
    assert _refusal(lambda: board.relabel(1, 2)) == Status.DATA_MISSING
    link.request(m.AUDIO_DATA, b.Piece(4, bytes(4)))
    link.request(m.AUDIO_END, b.Empty())
    board.relabel(1, 2)
    assert board.status().clips == 1
    begin()
    assert board.status().clips == 0


@pytest.mark.parametrize(
    ("slot", "label", "status"),
    [(CLIPS, 0, Status.BAD_SLOT), (65535, 0, Status.BAD_SLOT), (0, 12, Status.BAD_LABEL)],
)
def test_slots_and_labels_are_checked(board: Board, slot: int, label: int, status: int) -> None:
    features = np.zeros((49, 10), np.int8)
    assert _refusal(lambda: board.upload_audio(_sound(1), slot, label)) == status
    assert _refusal(lambda: board.put_features(features, slot, label)) == status
    if status == Status.BAD_SLOT:
        assert _refusal(lambda: board.get_features(slot)) == status
    assert _refusal(lambda: board.infer(slot)) == Status.BAD_SLOT


def test_features_must_be_complete_and_in_order(board: Board) -> None:
    link = board.link
    put = m.FEATURES_PUT
    assert _refusal(lambda: link.request(put, b.FeaturesPut(2, 5, b"a"))) == Status.BAD_RANGE
    link.request(put, b.FeaturesPut(2, 0, bytes(489)))
    assert _refusal(lambda: board.relabel(2, 1)) == Status.DATA_MISSING
    assert _refusal(lambda: link.request(put, b.FeaturesPut(2, 489, b"ab"))) == Status.BAD_RANGE
    assert _refusal(lambda: board.get_features(2)) == Status.BAD_RANGE
    link.request(put, b.FeaturesPut(2, 489, b"a"))
    board.relabel(2, 1)
    assert board.get_features(2).reshape(-1)[-1] == ord("a")
    board.clear_clips()
    assert board.status().clips == 0
    assert _refusal(lambda: board.infer(2)) == Status.BAD_SLOT


# -- the model ------------------------------------------------------------------------------------


def test_training_follows_the_schedule(board: Board) -> None:
    clips, twin = _store(board, _random_clips(7)), FakeModel()
    told: list[tuple[int, int]] = []
    losses = board.train(45, lambda *done: told.append(done))
    assert losses.tolist() == twin.train(clips, 45)
    assert board.read_state() == twin.state()
    assert told[-1] == (45, 45)
    assert board.status().step == 45


def test_inference_and_score(board: Board) -> None:
    clips, twin = _store(board, _random_clips(20)), FakeModel()
    board.train(30)
    twin.train(clips, 30)
    scored, expected = board.score(), {}
    for slot, (features, _) in clips.items():
        logits = twin.logits(features)[:10]
        expected[slot] = int(np.argmax(logits))
        found = board.infer(slot)
        assert found.label == expected[slot]
        assert np.array_equal(found.logits, logits)
    assert scored.labels == expected
    right = sum(expected[slot] == label for slot, (_, label) in clips.items())
    assert (scored.correct, scored.total) == (right, 20)


def test_a_traced_step_tells_every_output(board: Board) -> None:
    clips, twin = _store(board, _random_clips(3)), FakeModel()
    for step in range(5):
        features, _ = clips[schedule.pick(sorted(clips), twin.seed, step)]
        logits = twin.logits(features)
        loss = twin.train(clips, 1)[0]
        traced = board.trace_step()
        outputs = [logits, twin.rows, np.array([loss, 0], "<i4")[:1], np.array([step + 1], "<i4")]
        assert (traced.step, traced.loss) == (step + 1, loss)
        assert traced.digests.tolist() == [zlib.crc32(o.tobytes()) for o in outputs]
    slot = next(iter(clips))
    logits = twin.logits(clips[slot][0])
    assert board.trace_infer(slot).tolist() == [zlib.crc32(logits.tobytes())]
    assert board.read_tensor(0, 12) == logits.tobytes()


def test_a_stopped_step_shows_its_tensors_and_locks_the_model(board: Board) -> None:
    clips, twin = _store(board, _random_clips(3)), FakeModel()
    before = board.read_state()
    board.stop_step(1)
    twin.train(clips, 1)
    assert board.read_tensor(1, twin.rows.size) == twin.rows.tobytes()
    assert board.status().state_incomplete == 1
    assert _refusal(lambda: board.train(1)) == Status.STATE_INCOMPLETE
    board.write_state(before)
    board.train(1)
    assert board.read_state() == twin.state()
    assert _refusal(lambda: board.read_tensor(4, 1)) == Status.BAD_RANGE
    assert _refusal(lambda: board.read_tensor(0, 13)) == Status.BAD_RANGE


def test_training_needs_clips_of_classes_in_use(board: Board) -> None:
    assert _refusal(lambda: board.train(1)) == Status.BAD_SLOT
    board.put_features(np.zeros((49, 10), np.int8), 0, 10)
    assert _refusal(lambda: board.train(1)) == Status.BAD_LABEL
    for steps, stop in ((0, b.NO_NODE), (m.MAX_STEPS + 1, b.NO_NODE), (2, 1)):
        request = b.Train(steps, 0, stop)
        assert _refusal(lambda r=request: board.link.request(m.TRAIN, r)) == Status.BAD_RANGE
    assert board.read_state() == FakeModel().state()


def test_learning_works_with_a_model_that_cannot_begin_classes(board: Board) -> None:
    """Sanitizers watch that it touches neither memories nor what imprints: there is none."""
    clips, twin = _store(board, _random_clips(5)), FakeModel()
    reply = board.learn(b.Learn(0, 0, 0, 3, 2), None)
    for epoch in range(3):
        for slot in schedule.shuffle(sorted(clips), twin.seed, 5 * epoch):
            twin.train({slot: clips[slot]}, 1)
    assert (reply.step, reply.imprinted, len(reply.worst)) == (15, 0, 3 * 4)
    board.put_features(np.zeros((49, 10), np.int8), 0, 10)
    assert _refusal(lambda: board.learn(b.Learn(0, 0, 0, 1, 0), None)) == Status.BAD_LABEL
    assert board.read_state() == twin.state()


# -- the state ------------------------------------------------------------------------------------


def test_a_state_is_written_read_and_reset(board: Board) -> None:
    twin = FakeModel()
    twin.step, twin.classes = 17, 12
    twin.rows[:] = np.random.default_rng(0).integers(0, 256, twin.rows.shape)
    told: list[tuple[int, int]] = []
    board.write_state(twin.state(), lambda *done: told.append(done))
    assert board.read_state() == twin.state()
    assert told[-1] == (len(twin.state()),) * 2
    board.reset_state()
    assert board.read_state() == FakeModel().state()


@pytest.mark.parametrize("field", ["model_abi", "fingerprint", "length"])
def test_a_foreign_state_is_refused_before_anything_changes(board: Board, field: str) -> None:
    info = board.info
    right = {"model_abi": info.model_abi, "fingerprint": info.fingerprint}
    right |= {"length": info.state_bytes, "crc": 0}
    begin = b.StateBegin(**(right | {field: right[field] + 1}))
    assert _refusal(lambda: board.link.request(m.STATE_BEGIN, begin)) == Status.OTHER_MODEL
    piece = b.Piece(0, b"abc")
    assert _refusal(lambda: board.link.request(m.STATE_WRITE, piece)) == Status.NOT_STARTED
    assert board.read_state() == FakeModel().state()
    assert board.status().state_incomplete == 0


def test_an_incomplete_state_locks_the_model(board: Board) -> None:
    _store(board, _random_clips(2))
    slot = min(_random_clips(2))
    info, link, state = board.info, board.link, FakeModel().state()
    begin = b.StateBegin(info.model_abi, info.fingerprint, len(state), 1)
    link.request(m.STATE_BEGIN, begin)
    for use in (
        lambda: board.infer(slot),
        board.score,
        lambda: board.train(1),
        lambda: board.patch_state(0, b"a"),
    ):
        assert _refusal(use) == Status.STATE_INCOMPLETE
    commit = m.STATE_COMMIT, b.Empty()
    assert _refusal(lambda: link.request(*commit)) == Status.DATA_MISSING
    link.stream(m.STATE_WRITE, [b.Piece(i, state[i : i + 500]) for i in range(0, len(state), 500)])
    assert _refusal(lambda: link.request(*commit)) == Status.BAD_CRC
    board.write_state(state)
    board.train(1)


def test_a_state_with_too_many_classes_is_refused(board: Board) -> None:
    bad = FakeModel()
    bad.classes = 13
    assert _refusal(lambda: board.patch_state(8, struct.pack("<i", 0))) == Status.BAD_STATE
    assert board.read_state() == FakeModel().state()
    assert _refusal(lambda: board.write_state(bad.state())) == Status.BAD_STATE
    assert board.status().state_incomplete == 1


def test_patches_stay_inside_the_state(board: Board) -> None:
    size = board.info.state_bytes
    for offset in (size, size - 1, 2**32 - 1):
        assert _refusal(lambda at=offset: board.patch_state(at, b"ab")) == Status.BAD_RANGE
    board.patch_state(size - 2, b"ab")
    assert board.read_state()[-2:] == b"ab"


# -- the line -------------------------------------------------------------------------------------


def _life_of_a_board(board: Board) -> tuple[object, ...]:
    """Everything that changes something, and everything that is read; the same on any line."""
    for slot in range(3):
        board.upload_audio(_sound(slot), slot, slot)
    clips = _random_clips(3)
    _store(board, clips)
    losses = board.train(20).tolist()
    digests = board.trace_step().digests.tolist()
    board.patch_state(4, struct.pack("<i", 99))
    stored = [board.save_state() for _ in range(3)]
    board.forget_state()
    stored.append(board.save_state())
    saved = board.read_state()
    board.reset_state()
    board.train(3)
    board.write_state(saved)
    losses += board.train(5).tolist()
    assert board.status().step == 26
    return board.read_state(), losses, digests, board.get_features(2).tobytes(), stored


def test_a_board_is_reached_over_tcp(port: str) -> None:
    with over_tcp(port) as url, Board.connect(url) as board:
        board.upload_audio(_sound(1), 0, 0)
        assert board.read_state() == FakeModel().state()


@pytest.mark.parametrize("seed", some_by_day(range(3), (0,)))
def test_a_lossy_line_changes_nothing_but_the_time(elf: Path, tmp_path: Path, seed: int) -> None:
    with target.start("host", elf, tmp_path / "a") as port, Board.connect(port) as quiet:
        expected = _life_of_a_board(quiet)
    with target.start("host", elf, tmp_path / "b") as port:
        channel = LossyChannel(open_port(port), seed, rate=1 / 1500)
        with Link(channel, port, timeout_s=0.05, attempts=100) as link:
            board = Board(link)
            assert _life_of_a_board(board) == expected
            assert channel.faults > 100
            assert link.statistics.frames_resent > 50
            status = board.status()
    assert status.frames_damaged > 10
    assert status.requests_repeated > 5


def test_a_repeated_request_is_not_executed_again(port: str, board: Board) -> None:
    clips, twin = _store(board, _random_clips(4)), FakeModel()
    sequence = board.link._sequence
    twice = encode(Frame(m.TRAIN.code, sequence, b.Train(3).pack())) * 2
    board.link._line.write(twice)
    losses = board.link.request(m.TRAIN, b.Train(3)).losses
    assert np.frombuffer(losses, "<i4").tolist() == twin.train(clips, 3)
    assert board.read_state() == twin.state()
    assert board.status().requests_repeated == 2


def test_a_kept_answer_that_is_gone_is_not_made_up(board: Board) -> None:
    _store(board, _random_clips(1))
    sequence = board.link._sequence
    board.train(1)
    board.status()
    board.link._sequence = sequence
    assert _refusal(lambda: board.link.request(m.TRAIN, b.Train(1))) == Status.FORGOTTEN
    board.link._sequence = sequence + 2
    assert board.status().step == 1


def test_garbage_never_changes_the_state(board: Board) -> None:
    generator = random.Random(5)
    _store(board, _random_clips(4))
    for _ in range(50):
        board.link._line.write(generator.randbytes(1000) + DELIMITER)
        board.status()
    assert board.read_state() == FakeModel().state()
    assert board.status().clips == 4


def test_valid_frames_with_random_contents_crash_nothing(board: Board) -> None:
    """Sanitizers watch: every request with random fields, two thirds of the right length."""
    generator = random.Random(6)
    _store(board, _random_clips(4))
    for _ in range(4000):
        exchange = generator.choice(m.EXCHANGES[1:])
        fixed = layout(exchange.request)[0].size
        size = generator.choice([fixed, fixed, fixed + 2 * generator.randrange(200)])
        small = generator.random() < 0.7
        payload = bytes(generator.choices(range(4) if small else range(256), k=size))
        raw = m.Exchange(exchange.name, exchange.code, b.Data, b.Data, exchange.repeat, "")
        with suppress(DeviceError):
            board.link.request(raw, b.Data(payload))
    board.reset_state()
    assert board.read_state() == FakeModel().state()


@pytest.mark.qemu
def test_an_emulated_core_does_the_same_fast_enough(elf: Path, tmp_path: Path) -> None:
    with target.start("host", elf, tmp_path / "a") as port, Board.connect(port) as host:
        expected = _life_of_a_board(host)
    image = emulated("qemu_m3")
    with target.start("qemu_m3", image, tmp_path / "b") as port, Board.connect(port) as board:
        assert _life_of_a_board(board) == expected
        start = time.monotonic()
        board.upload_audio(_sound(0), 0, 0)
        seconds = time.monotonic() - start
        status = board.status()
        assert (status.frames_damaged, board.link.frames_damaged) == (0, 0)
    assert 2 * SECOND / seconds > 2000  # bytes per second; a stall per frame would be 1000
    assert 0 < status.stack_high_water < status.stack_bytes
