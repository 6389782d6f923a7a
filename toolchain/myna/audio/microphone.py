# SPDX-License-Identifier: Apache-2.0
"""Sound as a microphone gives it, by PortAudio (extra `mic`)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol

import numpy as np

from myna.audio.config import RATE
from myna.audio.convert import Converter
from myna.audio.features import Pcm
from myna.errors import MynaError, install

PIECE = 0.1  # seconds from one piece to the next


class Source(Protocol):
    """Where sound comes from.

    Attributes:
        overflows: how often some of it was lost on its way here.
    """

    overflows: int

    def pieces(self) -> Generator[Pcm, None, None]:
        """The sound, int16 [n] each, 16 kHz; a microphone's has no end."""


class Microphone:
    """A microphone; it records from the first piece on that is asked for, until that ends.

    Args:
        device: its number or a part of its name; None: the system's default.

    Raises:
        MynaError: sounddevice or PortAudio is not installed, or there is no such microphone.
    """

    def __init__(self, device: str | None = None) -> None:
        self._audio = _port_audio()
        self._device = int(device) if device and device.isdecimal() else device
        self.overflows = 0
        try:
            found = self._audio.query_devices(self._device, "input")
        except (ValueError, self._audio.PortAudioError) as error:
            raise _no_microphone(device, error) from error
        self._rate = self._best_rate(int(found["default_samplerate"]))

    def _best_rate(self, default: int) -> int:
        """16 kHz if it can, as then nothing is converted."""
        try:
            self._audio.check_input_settings(self._device, 1, "float32", samplerate=RATE)
        except self._audio.PortAudioError:
            return default
        return RATE

    def pieces(self) -> Generator[Pcm, None, None]:
        """See `Source`.

        Raises:
            MynaError: the microphone cannot be opened, or was taken away.
        """
        converter = Converter(self._rate)
        try:
            with self._open() as stream:
                while True:
                    sound, has_lost = stream.read(round(PIECE * self._rate))
                    self.overflows += bool(has_lost)
                    yield converter.push(np.asarray(sound))
        except self._audio.PortAudioError as error:
            raise _no_microphone(self._device, error) from error

    def _open(self) -> Any:
        return self._audio.InputStream(self._rate, device=self._device, channels=1, dtype="float32")


def _port_audio() -> Any:
    try:
        import sounddevice  # noqa: PLC0415  an extra, and it opens PortAudio
    except ImportError as error:
        raise MynaError(
            "sounddevice is not installed", where="microphone", fix=install("mic")
        ) from error
    except OSError as error:
        raise MynaError(
            "PortAudio is not installed",
            where="microphone",
            fix="install it, as by `apt install libportaudio2`; or listen to a file: --wav FILE",
        ) from error
    return sounddevice


def _no_microphone(device: str | int | None, error: Exception) -> MynaError:
    return MynaError(
        f"cannot be used ({error})",
        where="microphone" if device is None else f"microphone {device}",
        fix="attach one, permit its use, or name another: `python -m sounddevice` lists them",
    )
