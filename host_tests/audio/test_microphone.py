# SPDX-License-Identifier: Apache-2.0
"""A microphone by PortAudio, which a test has not: what is asked of it, and what may be missing."""

from __future__ import annotations

import builtins
import sys
from itertools import islice
from typing import Any

import numpy as np
import pytest
from myna.audio.microphone import PIECE, Microphone
from myna.errors import MynaError
from support.fake_sounddevice import FakeMicrophone, attach

SOUND = np.random.default_rng(1).integers(-9000, 9000, 8000).astype(np.int16)


def pieces(microphone: Microphone) -> list[np.ndarray]:
    """All until Ctrl-C."""
    found = []
    with pytest.raises(KeyboardInterrupt):
        for piece in microphone.pieces():
            found.append(piece)
    return found


def test_what_it_hears_comes_in_short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(fake := FakeMicrophone(SOUND), monkeypatch)
    found = pieces(Microphone())
    assert {len(piece) for piece in found} == {round(PIECE * 16000)}
    np.testing.assert_array_equal(np.concatenate(found), SOUND)
    assert fake.names == [None]
    assert not fake.is_open


def test_a_rate_that_it_cannot_is_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(FakeMicrophone(np.repeat(SOUND, 3), 48000), monkeypatch)
    total = sum(map(len, pieces(Microphone())))
    assert len(SOUND) - 1000 < total <= len(SOUND)  # a resampler holds some back


def test_it_is_closed_when_nobody_wants_more(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(fake := FakeMicrophone(SOUND), monkeypatch)
    sound = Microphone().pieces()
    assert len(list(islice(sound, 2))) == 2
    assert fake.is_open
    sound.close()
    assert not fake.is_open


def test_what_is_lost_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(FakeMicrophone(SOUND, full_at=(2, 4)), monkeypatch)
    microphone = Microphone()
    pieces(microphone)
    assert microphone.overflows == 2


@pytest.mark.parametrize(("device", "asked"), [("3", 3), ("USB", "USB")])
def test_a_device_is_named_or_numbered(
    device: str, asked: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach(fake := FakeMicrophone(SOUND), monkeypatch)
    Microphone(device)
    assert fake.names == [asked]


def test_no_such_microphone_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(FakeMicrophone(SOUND), monkeypatch)
    with pytest.raises(MynaError, match="No input device") as caught:
        Microphone("none")
    assert caught.value.where == "microphone none"
    assert "python -m sounddevice" in caught.value.fix


def test_one_that_is_taken_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(fake := FakeMicrophone(SOUND, broken_at=3200), monkeypatch)
    with pytest.raises(MynaError, match="Device unavailable"):
        list(Microphone().pieces())
    assert not fake.is_open


@pytest.mark.parametrize(
    ("error", "what"),
    [(OSError("PortAudio library not found"), "PortAudio"), (ImportError("no"), "sounddevice")],
)
def test_what_is_not_installed_is_named(
    error: Exception, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name == "sounddevice":
            raise error
        return load(name, *rest, **more)

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MynaError, match=f"{what} is not installed") as caught:
        Microphone()
    assert "install" in caught.value.fix
