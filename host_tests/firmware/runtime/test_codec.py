# SPDX-License-Identifier: Apache-2.0
"""The codec of the firmware and its twin: the same bytes and states; hostile bytes change none."""

from __future__ import annotations

import random
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from myna.errors import MynaError
from myna.learn import codec
from myna.learn.vector import Form, averaged, from_vector, head_tensors, to_vector
from myna.passes.memory.plan import Program
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from support import tiny_model
from support.fake_board import FIRMWARE, compile_c

# all weights with residuals and tracked ranges; a shared residual; the head alone
BUILDS = {
    "all": Options(train="all"),
    "narrow": Options(train="all", int8_weights=("logits",)),
    "head": tiny_model.HEAD,
}
MUTANTS = 400


class Probe:
    """The C codec as a process under sanitizers."""

    def __init__(self, program: Path, state_bytes: int) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen([str(program)], **pipes)
        self._state_bytes = state_bytes

    def encode(
        self, base: bytes, state: bytes, budget: int, private: int = 0
    ) -> tuple[bytes, bytes]:
        self._tell(b"E", struct.pack("<I", budget), base, state, struct.pack("<Q", private))
        (length,) = struct.unpack("<I", self._hear(4))
        return self._hear(length), self._hear(self._state_bytes)

    def apply(self, data: bytes, base: bytes, state: bytes) -> tuple[int, bytes, bytes]:
        self._tell(b"A", struct.pack("<I", len(data)), data, base, state)
        (outcome,) = struct.unpack("<I", self._hear(4))
        return outcome, self._hear(self._state_bytes), self._hear(self._state_bytes)

    def end(self) -> None:
        self._process.communicate()
        assert self._process.returncode == 0

    def _tell(self, *pieces: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"".join(pieces))
        self._process.stdin.flush()

    def _hear(self, count: int) -> bytes:
        assert self._process.stdout is not None
        data = self._process.stdout.read(count)
        assert len(data) == count, "the probe has ended"
        return data


@pytest.fixture(scope="module", params=BUILDS)
def project(request: pytest.FixtureRequest) -> Project:
    return open_project(tiny_model.folder("reversible"), BUILDS[request.param])


@pytest.fixture(scope="module")
def probe(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probe]:
    model = project.generated
    sources = [Path(__file__).parent / "codec_probe.c", model / "model.c"]
    sources += [FIRMWARE / f"runtime/{name}.c" for name in ("codec", "rice", "vector", "crc32")]
    sources += sorted([*FIRMWARE.glob("kernels/*.c"), *FIRMWARE.glob("audio/*.c")])

    program = compile_c(tmp_path_factory.mktemp("codec") / "probe", sources, f"-I{model}")
    found = Probe(program, project.program.state_bytes)
    yield found
    found.end()


@pytest.fixture
def program(project: Project) -> Program:
    return project.program


def moved(program: Program, base: bytes, rng: np.random.Generator, size: float) -> bytes:
    """A state whose integers differ by about so much, each tensor's by its own, and some not."""
    vector = to_vector(program, base).astype(np.int64)
    difference = [
        np.round(rng.laplace(0, 1, part.size) * size * rng.choice([0, 0.1, 1, 10]))
        for part in averaged(program)
    ]
    state = from_vector(program, base, vector + np.concatenate(difference).astype(np.int64))
    values = program.unpack(state)
    values["step"][0] += 7
    values["seed"][0] = 99
    return program.pack(values)


def start(project: Project) -> bytes:
    return project.library().read_state()


def test_both_encode_alike_within_the_budget_and_keep_what_is_not_sent(
    project: Project, program: Program, probe: Probe
) -> None:
    rng, base = np.random.default_rng(1), start(project)
    weights, sent_some = len(to_vector(program, base)), 0
    for size in (0.0, 0.3, 3.0, 300.0, 1e4, 1e9):
        for bits in (0.25, 0.75, 3, 40):
            state, budget = moved(program, base, rng, size), 60 + int(weights * bits / 8)
            data, rest = codec.encode(program, base, state, budget)
            assert probe.encode(base, state, budget) == (data, rest)
            assert len(data) <= budget
            difference = codec.decode(program, base, data)
            sent_some += bool(difference.any())
            wanted = to_vector(program, state).astype(np.int64)
            assert np.array_equal(_clamped(program, wanted - difference), to_vector(program, rest))
            if bits == 40:
                assert to_vector(program, rest).tolist() == _normal(program, base)
    assert sent_some > 15


def test_of_private_tensors_nothing_is_told_and_others_have_their_bits(
    project: Project, program: Program, probe: Probe
) -> None:
    rng, base, more = np.random.default_rng(9), start(project), False
    kept = averaged(program)
    names = {part.tensor for part in kept}
    for chosen in (head_tensors(program), {kept[0].tensor}, names):
        state = moved(program, base, rng, 300.0)
        budget = codec.budget(program, 1.0, chosen) + 20
        data, rest = codec.encode(program, base, state, budget, chosen)
        bits = sum(1 << i for i, part in enumerate(kept) if part.tensor in chosen)
        assert probe.encode(base, state, budget, bits) == (data, rest)
        told, at = codec.decode(program, base, data), 0
        have, want = to_vector(program, rest), to_vector(program, state)
        for part in kept:
            here = slice(at, at + part.size)
            at += part.size
            if part.tensor in chosen:
                assert not told[here].any()
                assert have[here].tolist() == want[here].tolist()
        plain = codec.decode(program, base, codec.encode(program, base, state, budget)[0])
        more |= np.count_nonzero(told) > np.count_nonzero(plain)
    assert more or head_tensors(program) == names


def _clamped(program: Program, vector: np.ndarray) -> np.ndarray:
    ends = [np.full((part.size, 2), (part.low, part.high)) for part in averaged(program)]
    low, high = np.concatenate(ends).T
    narrow = [np.full(p.size, p.form is Form.MASTER and not p.residual) for p in averaged(program)]
    clamped = np.clip(vector, low, high)
    return np.where(np.concatenate(narrow), (clamped + 128) >> 8 << 8, clamped)


def _normal(program: Program, base: bytes) -> list[int]:
    return to_vector(program, from_vector(program, base, to_vector(program, base))).tolist()


def test_a_difference_moves_base_and_state_alike(
    project: Project, program: Program, probe: Probe
) -> None:
    rng, base = np.random.default_rng(2), start(project)
    for size in (0.0, 3.0, 1e4):
        for budget in (100, 4000):
            target, state = moved(program, base, rng, size), moved(program, base, rng, 100.0)
            data, _ = codec.encode(program, base, target, budget)
            difference = codec.decode(program, base, data)
            expected = [codec.apply(program, block, difference) for block in (base, state)]
            assert probe.apply(data, base, state) == (0, *expected)


def test_a_difference_to_another_base_is_refused(
    project: Project, program: Program, probe: Probe
) -> None:
    base = start(project)
    other = base[:-1] + bytes([base[-1] ^ 1])  # of a name: no integer of the vector
    data, _ = codec.encode(program, base, moved(program, base, np.random.default_rng(3), 9.0), 500)
    assert probe.apply(data, other, base) == (1, other, base)
    with pytest.raises(MynaError, match="of another state"):
        codec.decode(program, other, data)


def test_a_budget_that_holds_nothing_is_refused(
    project: Project, program: Program, probe: Probe
) -> None:
    base = start(project)
    least = -(-(5 * 8 + 5 * len(averaged(program))) // 8)
    assert len(codec.encode(program, base, base, least)[0]) == least
    assert probe.encode(base, base, least)[0] == codec.encode(program, base, base, least)[0]
    assert probe.encode(base, base, least - 1) == (b"", base)
    with pytest.raises(MynaError, match=f"{least - 1} bytes hold no update"):
        codec.encode(program, base, base, least - 1)


def test_hostile_bytes_are_refused_by_both_or_by_none_and_change_nothing(
    project: Project, program: Program, probe: Probe
) -> None:
    """Bits turned, bytes cut off, put in or repeated, the CRC made right again."""
    rng, base = random.Random(4), start(project)
    state = moved(program, base, np.random.default_rng(4), 300.0)
    whole = [codec.encode(program, base, state, budget)[0] for budget in (60, 300, 10**6)]
    outcomes = []
    for _ in range(MUTANTS):
        data = codec.seal(base, _mutated(rng.choice(whole)[codec.HEADER.size :], rng))
        outcome, *blocks = probe.apply(data, base, state)
        outcomes.append(outcome)
        if outcome == 0:
            difference = codec.decode(program, base, data)
            assert blocks == [codec.apply(program, block, difference) for block in (base, state)]
        else:
            assert blocks == [base, state]
            with pytest.raises(MynaError, match="damaged"):
                codec.decode(program, base, data)
    assert set(outcomes) == {0, 2}


def test_short_and_foreign_data_are_refused(
    project: Project, program: Program, probe: Probe
) -> None:
    base = start(project)
    good, _ = codec.encode(program, base, base, 500)
    for data in (b"", b"\1", good[:4], good[:-1], good + b"\0", bytes([good[0] + 1]) + good[1:]):
        assert probe.apply(data, base, base)[0] == 1
        with pytest.raises(MynaError):
            codec.decode(program, base, data)


def _mutated(codes: bytes, rng: random.Random) -> bytes:
    acts: list[Callable[[bytearray, int], None]] = [
        lambda data, at: data.__setitem__(at, data[at] ^ 1 << rng.randrange(8)),
        lambda data, at: data.__setitem__(at, rng.choice((0, 255, rng.randrange(256)))),
        lambda data, at: data.__delitem__(slice(at, None)),
        lambda data, at: data.insert(at, rng.randrange(256)),
        lambda data, at: data.__setitem__(slice(at, at + 4), b"\xff" * 40),
    ]
    data = bytearray(codes)
    for _ in range(rng.choice((1, 1, 2, 5))):
        if data:
            rng.choice(acts)(data, rng.randrange(min(len(data), rng.choice((8, 10**6)))))
    return bytes(data)
