# SPDX-License-Identifier: Apache-2.0
"""Damaged .tflite files end in one clear error or in a graph that is well formed, and soon."""

from __future__ import annotations

import resource
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest
from myna.errors import MynaError
from myna.formats.tflite_import import convert
from myna.package.channels import rescale_channels
from myna.passes.check import check
from myna.passes.lowering.lower import lower
from myna.tflite import read
from myna.tflite.flatbuffer import SPENT, Bytes
from myna.tflite.metadata import NAME, Metadata, unpack
from support.pairs import some_by_day
from support.tflite_files import Draft

FILES = 10_000  # of each of SEEDS: at night a hundred thousand together
SEEDS = some_by_day(range(10), (0,))
TRACED = 1500  # files while every allocation is watched
PEAK = 2_000_000  # bytes that a file of two kilobytes may take at most, several times its graph
WORDS = (0, 1, 2, 4, 0x7F, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)
FLOATS = (0x7FC00000, 0x7F800000, 0x7F7FFFFF, 0x00800000, 0x00000001, 0xBF800000)  # nan, inf, ...
Mutation = Callable[[np.random.Generator, bytearray], None]


def _plain(draft: Draft, x: int) -> int:
    y = draft.conv(x, 3, (3, 3), (2, 2), activation="relu")
    y = draft.conv(y, 3, (3, 3), depthwise=True, activation="relu6")
    y = draft.pool(y, (4, 3), (4, 3))
    return draft.softmax(draft.dense(y, 4))


def _residual(draft: Draft, x: int) -> int:
    y = draft.conv(x, 2, (1, 1), (2, 2), bias=False)
    y = draft.add(y, y, "relu")
    y = draft.mean(draft.pad(y, (0, 0), (1, 0), (0, 1), (0, 0)))
    return draft.dense(draft.reshape(y, 2), 3)


def _joined(draft: Draft, x: int) -> int:
    y = draft.conv(x, 2, (3, 3), (4, 4))
    scale, zero = draft.quants[y]
    z = draft.operator("RELU", [y], draft.tensor(draft.shapes[y], "int8", scale * 0.9, zero))
    z = draft.operator("QUANTIZE", [z], draft.like(y, draft.shapes[y]))
    y = draft.operator("CONCATENATION", [y, z], draft.like(y, (1, 2, 2, 4)), Axis=-1)
    y = draft.pool(y, (2, 2), (1, 1), kind="MAX_POOL_2D", padding="same")
    return draft.reshape(draft.conv(y, 5, (2, 2), padding="valid"), 5)


def _coupled(draft: Draft, x: int) -> int:
    def widened(y: int) -> int:
        return draft.operator("QUANTIZE", [y], draft.tensor(draft.shapes[y], "int16", 0.01))

    stream = widened(draft.conv(x, 2, (2, 2), (4, 4)))
    branch = widened(draft.conv(x, 2, (2, 2), (4, 4), activation="relu"))
    y = draft.tensor((1, 2, 2, 2), "int16", 0.01)
    y = draft.operator("ADD", [stream, branch], y, FusedActivationFunction=0)
    y = draft.operator("QUANTIZE", [y], draft.tensor((1, 2, 2, 2), "int8", 0.1, -128))
    return draft.dense(draft.reshape(y, 8), 3)


@cache
def whole() -> tuple[bytes, ...]:
    """Files as they should be, of every operator."""
    files = []
    for seed, body in enumerate((_plain, _residual, _joined, _coupled)):
        draft = Draft(seed)
        x = draft.input(8, 6, 1)
        described = Metadata("net", ("a", "b", "c"), {"frames": 8}, {}, {})
        draft.metadata = described.blocks()
        files.append(draft.bytes(x, body(draft, x)))
    return tuple(files)


class Counted(Bytes):
    """Counts how often it is read."""

    __slots__ = ("reads",)
    last: Counted

    def __init__(self, data: bytes, where: str) -> None:
        super().__init__(data, where)
        self.reads = 0
        Counted.last = self

    def spend(self, at: int, count: int) -> None:
        self.reads += 1
        super().spend(at, count)


def outcome(data: bytes) -> str:
    """How the import of a file ends; any other exception is a defect."""
    try:
        file = read.parse(data, "fuzzed")
        if NAME in file.metadata:
            unpack(file.metadata[NAME], "fuzzed")
        check(lower(rescale_channels(convert(file, "fuzzed", None, {})).model))
    except MynaError as error:
        assert error.where
        assert error.fix
        return "error"
    return "graph"


# -- mutations -------------------------------------------------------------------------------------


def _position(rng: np.random.Generator, data: bytearray) -> int:
    return int(rng.integers(0, max(len(data) - 4, 1)))


def flip(rng: np.random.Generator, data: bytearray) -> None:
    """Flip a bit."""
    data[_position(rng, data)] ^= 1 << int(rng.integers(8))


def byte(rng: np.random.Generator, data: bytearray) -> None:
    """Replace a byte."""
    data[_position(rng, data)] = int(rng.integers(256))


def word(rng: np.random.Generator, data: bytearray) -> None:
    """Let a length, an offset or a number be extreme."""
    at = _position(rng, data) & ~3
    choices = (*WORDS, *FLOATS, len(data), int(rng.integers(len(data))))
    data[at : at + 4] = int(rng.choice(choices)).to_bytes(4, "little")


def swap(rng: np.random.Generator, data: bytearray) -> None:
    """Exchange two words, like offsets."""
    a, b = _position(rng, data) & ~3, _position(rng, data) & ~3
    data[a : a + 4], data[b : b + 4] = data[b : b + 4], data[a : a + 4]


def splice(rng: np.random.Generator, data: bytearray) -> None:
    """Overwrite a stretch with one from this file or another."""
    other = whole()[int(rng.integers(len(whole())))]
    size = int(rng.integers(1, 64))
    source, at = int(rng.integers(len(other))), _position(rng, data)
    data[at : at + size] = other[source : source + size]


def truncate(rng: np.random.Generator, data: bytearray) -> None:
    """Cut the end off."""
    del data[int(rng.integers(8, max(len(data), 9))) :]


def shift(rng: np.random.Generator, data: bytearray) -> None:
    """Insert or remove a few bytes."""
    at, size = _position(rng, data), int(rng.integers(1, 9))
    if rng.integers(2):
        data[at:at] = bytes(size)
    else:
        del data[at : at + size]


MUTATIONS: tuple[Mutation, ...] = (flip, byte, word, swap, splice, truncate, shift)
LIKELY = (0.35, 0.2, 0.2, 0.1, 0.07, 0.02, 0.06)


def mutated(seed: int, count: int) -> Iterator[bytes]:
    """Damaged files, with one to four mutations each."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        data = bytearray(whole()[int(rng.integers(len(whole())))])
        for choice in rng.choice(len(MUTATIONS), min(rng.geometric(0.6), 4), p=LIKELY):
            MUTATIONS[choice](rng, data)
        yield bytes(data)


# -- tests -----------------------------------------------------------------------------------------


def test_whole_files_are_imported() -> None:
    assert [outcome(data) for data in whole()] == ["graph"] * len(whole())
    assert max(len(data) for data in whole()) < 4000


@pytest.mark.parametrize("seed", SEEDS)
def test_damaged_files_end_well(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "Bytes", Counted)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seen: Counter[str] = Counter()
    for data in mutated(seed, FILES):
        seen[outcome(data)] += 1
        assert Counted.last.reads <= SPENT * Counted.last.size
    assert min(seen["error"], seen["graph"]) > FILES // 20
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000, "kilobytes"


def test_damaged_files_take_little_memory() -> None:
    for data in mutated(99, 50):
        outcome(data)
    tracemalloc.start()
    try:
        start, _ = tracemalloc.get_traced_memory()
        for data in mutated(100, TRACED):
            tracemalloc.reset_peak()
            outcome(data)
            current, peak = tracemalloc.get_traced_memory()
            assert peak - start < PEAK
        assert current - start < PEAK // 4
    finally:
        tracemalloc.stop()
