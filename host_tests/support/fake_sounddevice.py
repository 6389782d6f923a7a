# SPDX-License-Identifier: Apache-2.0
"""The module sounddevice as far as it is used, with a microphone that hears what a test says."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from myna.audio.features import Pcm


class PortAudioError(Exception):
    """As of sounddevice."""


@dataclass
class FakeMicrophone:
    """A microphone that hears some sound, and then Ctrl-C.

    Attributes:
        sound: int16 [samples].
        rate: the only one that it can.
        broken_at: samples after which it is taken away.
        full_at: pieces before which sound was lost.
        is_open: whether it records.
    """

    sound: Pcm
    rate: int = 16000
    broken_at: int | None = None
    full_at: tuple[int, ...] = ()
    is_open: bool = False
    _at: int = 0
    _pieces: int = 0
    names: list[object] = field(default_factory=list)

    def check(self, _device: object, channels: int, kind: str, samplerate: int) -> None:
        """`sounddevice.check_input_settings`."""
        if (channels, kind, samplerate) != (1, "float32", self.rate):
            raise PortAudioError("Invalid sample rate [PaErrorCode -9997]")

    def query(self, device: object, kind: str) -> dict[str, object]:
        """`sounddevice.query_devices`."""
        self.names.append(device)
        if device == "none":
            raise ValueError("No input device matching 'none'")
        return {"name": kind, "default_samplerate": float(self.rate)}

    def open(self, rate: int, **how: object) -> FakeMicrophone:
        """`sounddevice.InputStream`."""
        self.check(how["device"], 1, str(how["dtype"]), rate)
        return self

    def __enter__(self) -> FakeMicrophone:
        self.is_open = True
        return self

    def __exit__(self, *_: object) -> None:
        self.is_open = False

    def read(self, count: int) -> tuple[Any, bool]:
        """`sounddevice.InputStream.read`."""
        assert self.is_open
        if self.broken_at is not None and self._at >= self.broken_at:
            raise PortAudioError("Device unavailable [PaErrorCode -9985]")
        if self._at >= len(self.sound):
            raise KeyboardInterrupt
        piece = self.sound[self._at : self._at + count]
        self._at, self._pieces = self._at + count, self._pieces + 1
        return (piece / 32768).astype(np.float32)[:, None], self._pieces in self.full_at


def attach(microphone: FakeMicrophone, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sounddevice find this microphone alone."""
    module = ModuleType("sounddevice")
    for name, value in {
        "PortAudioError": PortAudioError,
        "query_devices": microphone.query,
        "check_input_settings": microphone.check,
        "InputStream": microphone.open,
    }.items():
        setattr(module, name, value)
    monkeypatch.setitem(sys.modules, "sounddevice", module)
