# SPDX-License-Identifier: Apache-2.0
"""The two slots: whatever fails at whatever moment, what was saved last is found again."""

from __future__ import annotations

import ctypes
import zlib

import numpy as np
import pytest
from support.fake_flash import (
    DATA_AT,
    HEADER,
    Flash,
    Outcome,
    Owner,
    Storage,
    compile_storage,
    is_intact,
    sign,
)

# bytes, erase unit, program unit, length of the state: odd, a whole slot, one unit, many; clips
# take what is left of a slot
GEOMETRIES = [
    pytest.param((512, 64, 4, 181), id="nrf52-like"),
    pytest.param((512, 256, 2, 224), id="stm32-like"),
    pytest.param((512, 128, 32, 150), id="wide-units"),
    pytest.param((1024, 64, 1, 3), id="small-state"),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return compile_storage(tmp_path_factory.mktemp("storage"))


@pytest.fixture(params=GEOMETRIES)
def geometry(request: pytest.FixtureRequest) -> tuple[int, int, int, int]:
    return request.param


@pytest.fixture
def flash(library: ctypes.CDLL, geometry: tuple[int, int, int, int]) -> Flash:
    return Flash(library, *geometry[:3])


@pytest.fixture
def storage(library: ctypes.CDLL, flash: Flash, geometry: tuple[int, int, int, int]) -> Storage:
    return Storage(library, flash, Owner(geometry[3]))


def _state(storage: Storage, number: int) -> bytes:
    """A state, and behind it as many clips as there are in turn: none, all that fit, one byte."""
    length = storage.owner.length
    room = {181: 32, 224: 0, 150: 64, 3: 448}.get(length, 0)
    return np.random.default_rng(number).bytes(length + (0, room, min(1, room))[number % 3])


def _save(storage: Storage, number: int) -> tuple[int, int]:
    outcome, sequence, slot = storage.save(_state(storage, number))
    assert outcome is Outcome.OK
    return sequence, slot


def _patch_header(flash: Flash, slot: int, index: int, value: int) -> None:
    """Changes a word of a slot's header and makes its CRC right again."""
    at = slot * flash.memory.size // 2
    words = list(HEADER.unpack(flash.memory[at : at + HEADER.size].tobytes()))
    words[index] = value
    flash.memory[at : at + HEADER.size] = np.frombuffer(sign(HEADER.pack(*words)), np.uint8)


def _headers_promise_nothing_else(flash: Flash) -> bool:
    """Whether every slot with an intact header is intact."""
    slots = [slot.tobytes() for slot in np.split(flash.memory, 2)]
    headed = [slot for slot in slots if sign(slot[: HEADER.size]) == slot[: HEADER.size]]
    return all(is_intact(slot) for slot in headed)


def test_states_come_back_from_alternate_slots(storage: Storage, flash: Flash) -> None:
    assert storage.load().outcome is Outcome.EMPTY
    for number in range(1, 6):
        assert _save(storage, number) == (number, (number + 1) % 2)
        found = storage.load()
        assert (found.state, found.sequence) == (_state(storage, number), number)
        assert found.slot == (number + 1) % 2
    assert flash.violations == []


def test_the_layout_is_the_documented_one(storage: Storage, flash: Flash) -> None:
    """PROTOCOL.md describes these bytes; another version must still find them."""
    _save(storage, 1)
    state, owner = _state(storage, 1), storage.owner
    clips, state = state[owner.length :], state[: owner.length]
    data = state + (b"\xff" * (-len(state) % 32) + clips if clips else b"")
    words = (0x324E594D, 1, owner.fingerprint, owner.abi, len(data), 0, zlib.crc32(data), 0)
    head = sign(HEADER.pack(*words))
    assert flash.memory[: HEADER.size].tobytes() == head
    assert flash.memory[DATA_AT : DATA_AT + len(data)].tobytes() == data
    erased = [*range(HEADER.size, DATA_AT), *range(DATA_AT + len(data), DATA_AT + len(data) + 3)]
    assert all(flash.memory[at] == 0xFF for at in erased if at < flash.memory.size // 2)


def test_what_was_saved_before_the_newest_comes_back(
    library: ctypes.CDLL, storage: Storage, flash: Flash
) -> None:
    for number in range(1, 6):
        _save(storage, number)
        found = storage.load(before=True)
        if number == 1:
            assert found.outcome is Outcome.EMPTY
        else:
            assert (found.state, found.sequence) == (_state(storage, number - 1), number - 1)
            assert found.slot != storage.load().slot
    other = Storage(library, flash, Owner(storage.owner.length, fingerprint=0x9999))
    assert other.load(before=True).outcome is Outcome.OTHER_MODEL
    _save(other, 6)
    assert storage.load(before=True).outcome is other.load(before=True).outcome is Outcome.EMPTY


def test_clips_that_have_no_room_are_left_out(storage: Storage) -> None:
    _save(storage, 1)
    length = storage.owner.length
    for room in (0, 1):
        assert storage.load(room).state == _state(storage, 1)[: length + room]


LENGTH, WORDS = 181, 70  # bytes of a state and of the words that belong to it


def _contents(number: int) -> tuple[bytes, bytes]:
    """A state and clips, and words: of four saves in turn one or the other, both, or none."""
    random = np.random.default_rng(number)
    clips, words = ((0, WORDS), (45, 0), (45, WORDS), (0, 0))[number % 4]
    return random.bytes(LENGTH + clips), random.bytes(words)


@pytest.mark.parametrize("unit", [1, 4, 32])
@pytest.mark.parametrize("torn", [False, True], ids=["completed", "torn"])
def test_words_are_never_of_another_state(library: ctypes.CDLL, unit: int, torn: bool) -> None:
    """Five saves in a row, cut at each operation: state, words and clips of one of them."""
    cut, seen = 0, set()
    while True:
        flash = Flash(library, 1024, 64, unit)
        storage = Storage(library, flash, Owner(LENGTH, words=WORDS))
        flash.cut_after(cut, torn)
        saved = 0
        while saved < 5 and storage.save(*_contents(saved + 1))[0] is Outcome.OK:
            saved += 1
        if not flash.is_off:
            break
        flash.reboot()
        found = storage.load()
        if found.outcome is Outcome.OK:
            assert found.sequence in (saved, saved + 1)
            assert (found.state, found.words) == _contents(found.sequence)
            seen.add(found.sequence)
        before = storage.load(before=True)
        if before.outcome is Outcome.OK:
            assert (before.state, before.words) == _contents(before.sequence)
        assert flash.violations == []
        cut += 1
    assert seen >= {1, 2, 3, 4}


@pytest.mark.parametrize("words", [0, WORDS - 1, WORDS + 33])
def test_words_of_a_firmware_that_listens_otherwise_are_left_out(
    library: ctypes.CDLL, words: int
) -> None:
    flash = Flash(library, 1024, 64, 4)
    content, own = _contents(2)
    assert Storage(library, flash, Owner(LENGTH, words=WORDS)).save(content, own)[0] is Outcome.OK
    found = Storage(library, flash, Owner(LENGTH, words=words)).load()
    assert (found.outcome, found.state, found.words) == (Outcome.OK, content, b"")


def test_more_words_than_data_are_not_followed(library: ctypes.CDLL) -> None:
    flash = Flash(library, 1024, 64, 4)
    storage = Storage(library, flash, Owner(LENGTH, words=WORDS))
    for size in (LENGTH + WORDS, 2**32 - 1, 2**32 - 200):
        storage.save(*_contents(1))
        _patch_header(flash, storage.load().slot, 5, size)
        assert storage.load().outcome is Outcome.OTHER_MODEL
        storage.erase()


@pytest.mark.parametrize("torn", [False, True], ids=["completed", "torn"])
def test_power_fails_at_every_operation_of_saving(
    library: ctypes.CDLL, geometry: tuple[int, int, int, int], torn: bool
) -> None:
    """Three saves in a row, cut at each operation: the last state committed, or the new one."""
    size, erase, program, length = geometry
    cut, seen = 0, set()
    while True:
        flash = Flash(library, size, erase, program)
        storage = Storage(library, flash, Owner(length))
        flash.cut_after(cut, torn)
        saved = 0
        while saved < 3 and storage.save(_state(storage, saved + 1))[0] is Outcome.OK:
            saved += 1
        if not flash.is_off:
            break
        flash.reboot()
        assert _headers_promise_nothing_else(flash)
        found = storage.load()
        if found.outcome is Outcome.EMPTY:
            assert saved == 0
        else:
            assert found.sequence in (saved, saved + 1)
            assert found.state == _state(storage, found.sequence)
            seen.add(found.sequence - saved)
        number = max(found.sequence, saved) + 1
        assert _save(storage, number)[0] == found.sequence + 1
        assert storage.load().state == _state(storage, number)
        assert flash.violations == []
        cut += 1
    assert cut == flash.operations > 3 * (1 + length // program)
    assert seen == ({0} if torn else {0, 1})


def test_many_failures_in_a_row(storage: Storage, flash: Flash) -> None:
    """Power fails again and again, at random, also while the last failure is being mended."""
    random = np.random.default_rng(11)
    _save(storage, 0)
    known, cuts, one_save = {0}, 0, flash.operations
    for number in range(1, 400):
        flash.cut_after(int(random.integers(2 * one_save)), bool(random.integers(2)))
        outcome, _, _ = storage.save(_state(storage, number))
        cuts += flash.is_off
        known = {number} if outcome is Outcome.OK else known | {number}
        flash.reboot()
        state = storage.load().state
        survivors = {n for n in known if _state(storage, n) == state}
        assert len(survivors) == 1
        known = survivors
    assert cuts > 100
    assert flash.violations == []


@pytest.mark.parametrize("torn", [False, True], ids=["completed", "torn"])
@pytest.mark.parametrize("saves", [1, 2, 3])
def test_power_fails_at_every_operation_of_forgetting(
    library: ctypes.CDLL, geometry: tuple[int, int, int, int], saves: int, torn: bool
) -> None:
    """The newest state is there or nothing is: an older one never comes back."""
    size, erase, program, length = geometry
    for cut in range(size // erase):
        flash = Flash(library, size, erase, program)
        storage = Storage(library, flash, Owner(length))
        for number in range(1, saves + 1):
            _save(storage, number)
        flash.cut_after(cut, torn)
        assert storage.erase() is Outcome.FAILED
        flash.reboot()
        found = storage.load()
        assert found.outcome is Outcome.EMPTY or found.state == _state(storage, saves)
        assert storage.erase() is Outcome.OK
        assert (flash.memory == 0xFF).all()
        assert storage.load().outcome is Outcome.EMPTY


@pytest.mark.parametrize("newest", [0, 1], ids=["newest", "older"])
def test_a_rotten_bit_falls_back_to_the_other_slot(
    storage: Storage, flash: Flash, newest: int
) -> None:
    for number in range(1, 4):
        _save(storage, number)
    rotten = storage.load().slot ^ newest
    expected = _state(storage, 3 if newest else 2)
    used = [*range(HEADER.size), *range(DATA_AT, DATA_AT + storage.owner.length)]
    for at in used:
        byte = rotten * flash.memory.size // 2 + at
        flash.memory[byte] ^= 1 << at % 8
        assert storage.load().state == expected
        flash.memory[byte] ^= 1 << at % 8
    flash.memory[rotten * flash.memory.size // 2 + DATA_AT] ^= 1
    assert _save(storage, 4)[1] == rotten, "the good slot stays until the new one is written"
    assert storage.load().state == _state(storage, 4)


def test_sequence_numbers_wrap(storage: Storage, flash: Flash) -> None:
    _save(storage, 1)
    _patch_header(flash, 0, 1, 2**32 - 2)
    for number, sequence in ((2, 2**32 - 1), (3, 0), (4, 1)):
        assert _save(storage, number)[0] == sequence
        found = storage.load()
        assert (found.state, found.sequence) == (_state(storage, number), sequence)


@pytest.mark.parametrize(("word", "field"), [(2, "fingerprint"), (3, "abi"), (4, "length")])
def test_a_state_of_another_model_is_never_loaded(
    storage: Storage, flash: Flash, word: int, field: str
) -> None:
    owner = storage.owner
    _save(storage, 1)
    value = getattr(owner, field) - 1
    _patch_header(flash, 0, word, value)
    if field == "length":
        _patch_header(flash, 0, 6, zlib.crc32(_state(storage, 1)[:value]))
    assert storage.load().outcome is Outcome.OTHER_MODEL


def test_another_layout_is_not_read(storage: Storage, flash: Flash) -> None:
    _save(storage, 1)
    _patch_header(flash, 0, 0, 0x314E594D)
    assert storage.load().outcome is Outcome.EMPTY


def test_a_length_beyond_the_slot_is_not_followed(storage: Storage, flash: Flash) -> None:
    for length in (flash.memory.size // 2 - DATA_AT + 1, 2**32 - 1):
        _save(storage, 1)
        _patch_header(flash, storage.load().slot, 4, length)
        assert storage.load().outcome is Outcome.EMPTY
        assert storage.erase() is Outcome.OK


@pytest.mark.parametrize("saves", [2, 3])
def test_two_models_take_turns_without_losing_their_last(
    library: ctypes.CDLL, storage: Storage, flash: Flash, saves: int
) -> None:
    other = Storage(library, flash, Owner(storage.owner.length, fingerprint=0x9999))
    for number in range(1, saves + 1):
        _save(storage, number)
    assert other.load().outcome is Outcome.OTHER_MODEL
    _save(other, 8)
    assert storage.load().state == _state(storage, saves), "the newest of the first model stays"
    assert other.load().state == _state(other, 8)
    _save(storage, 9)
    assert other.load().outcome is Outcome.OTHER_MODEL, "a model's own newest is kept, not a guest"
    assert storage.load().state == _state(storage, 9)


def test_flash_that_does_nothing_is_noticed(storage: Storage, flash: Flash) -> None:
    _save(storage, 1)
    flash.works = False
    assert storage.save(_state(storage, 2))[0] is Outcome.FAILED
    assert storage.erase() is Outcome.FAILED
    assert storage.load().state == _state(storage, 1)


def test_a_state_larger_than_a_slot_is_refused(
    library: ctypes.CDLL, flash: Flash, geometry: tuple[int, int, int, int]
) -> None:
    storage = Storage(library, flash, Owner(geometry[0] // 2 - DATA_AT + 1))
    assert storage.save(_state(storage, 1))[0] is Outcome.TOO_SMALL
    assert flash.operations == 0


def test_a_board_without_memory_says_so(library: ctypes.CDLL) -> None:
    storage = Storage(library, None, Owner(10))
    assert storage.load().outcome is Outcome.NONE
    assert storage.save(bytes(10))[0] is Outcome.NONE
    assert storage.erase() is Outcome.NONE
