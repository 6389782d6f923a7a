# SPDX-License-Identifier: Apache-2.0
"""What a gate takes for silence, and the C twin on any levels."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest
from myna.audio import native
from myna.device.target import PROJECT
from myna.learn.gate import CLIMB, Gate

QUIET, LOUD = 60, 140
HANGOVER = 5


def opened(levels: list[int], hangover: int = HANGOVER) -> list[bool]:
    gate = Gate(hangover)
    return [gate.push(level) for level in levels]


def test_it_is_open_until_the_room_is_known() -> None:
    assert opened([QUIET] * 8) == [True] * HANGOVER + [False] * 3


def test_what_stands_out_opens_it_at_once_and_for_a_while() -> None:
    found = opened([QUIET] * 10 + [LOUD] + [QUIET] * 8)
    assert found[9:] == [False] + [True] * (HANGOVER + 1) + [False] * 3


def test_a_little_louder_does_not_stand_out() -> None:
    assert not any(opened([QUIET] * 10 + [QUIET + 23] * 5)[10:])
    assert opened([QUIET] * 10 + [QUIET + 24])[10]


def test_digital_silence_is_no_reason_to_hear_a_rustle() -> None:
    assert not opened([0] * 10 + [48 + 23])[10]


def test_noise_that_stays_is_silence_in_the_end() -> None:
    rise = LOUD - QUIET - 24
    found = opened([QUIET] * 10 + [LOUD] * (CLIMB * (rise + 1) + HANGOVER + 2))
    assert found[10 + CLIMB * rise]
    assert not found[-1]


def test_the_c_twin_agrees(tmp_path: Path) -> None:
    compiler = native.find_compiler()
    if compiler is None:
        pytest.skip("no C compiler")
    firmware, library = PROJECT / "firmware", tmp_path / "gate.so"
    flags = ("-std=c11", "-O1", "-fPIC", "-shared", "-Wall", "-Wextra", "-Wconversion", "-Werror")
    command = [compiler, *flags, f"-I{firmware}", str(firmware / "runtime/gate.c")]
    subprocess.run([*command, "-o", str(library)], check=True)
    push = ctypes.CDLL(str(library)).myna_gate_push
    push.restype = ctypes.c_bool
    rng = np.random.default_rng(2)
    for hangover in (0, 7, 400):
        state, gate = ctypes.create_string_buffer(4), Gate(hangover)
        for level in np.repeat(rng.integers(0, 248, 200), rng.integers(1, 60, 200)).tolist():
            assert push(state, ctypes.c_uint8(level), ctypes.c_uint16(hangover)) == gate.push(level)
