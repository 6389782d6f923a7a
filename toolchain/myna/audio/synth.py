# SPDX-License-Identifier: Apache-2.0
"""Synthetic speakers: words spoken by espeak-ng, from the package `espeakng-loader`.

espeak-ng keeps state from one utterance to the next. So a fresh process loads it once and forks
for every utterance, which then depends on its text and voice alone. The variants f2, f3, f5
and Alicia breathe at random and are not used.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from myna.audio.config import RATE
from myna.audio.features import Pcm
from myna.errors import MynaError, install

ENGINE_RATE = 22050
UP, DOWN = 320, 441  # 16000 / 22050 in lowest terms
TAPS = 64  # of the resampling filter, per output sample
SYNCHRONOUS, RATE_PARAMETER, PITCH_PARAMETER, UTF8 = 2, 1, 3, 1  # espeak-ng/speak_lib.h
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
ACCENTS = ("en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-us-nyc")
VARIANTS = (
    *("m1", "f1", "m2", "m3", "m4", "f4", "m5", "m6", "m7", "m8", "belinda", "antonio", "marcelo"),
    *("Andy", "Annie", "Alex", "miguel", "Michael", "Andrea", "Lee", "linda", "Mike", "steph"),
    *("Denis", "norbert", "Gene", "anika", "Jacky", "shelby", "adam", "aunty", "ed", "edward"),
    *("boris", "caleb", "david", "ian", "john", "max", "paul", "quincy", "rob", "robert", "zac"),
)


@dataclass(frozen=True)
class Voice:
    """One synthetic speaker: an espeak-ng voice, words per minute (80–450), pitch (0–99)."""

    name: str
    rate: int = 150
    pitch: int = 50


def voices(count: int) -> tuple[Voice, ...]:
    """Different speakers, always in the same order: accents, variants, rates and pitches."""
    return tuple(
        Voice(
            f"{ACCENTS[i % len(ACCENTS)]}+{VARIANTS[i * 7 % len(VARIANTS)]}",
            rate=110 + 37 * i % 90,
            pitch=25 + 29 * i % 50,
        )
        for i in range(count)
    )


def speak(utterances: Sequence[tuple[str, Voice]]) -> list[Pcm]:
    """Speak a batch in a fresh process.

    Args:
        utterances: (text, voice) pairs, spoken in this order.

    Returns:
        int16 [samples] at 16 kHz each, without the silence around the words.

    Raises:
        MynaError: the library is missing, or knows a voice not.
    """
    request = json.dumps([(text, asdict(voice)) for text, voice in utterances])
    command = [sys.executable, "-m", "myna.audio.synth"]
    done = subprocess.run(command, input=request.encode(), capture_output=True, check=False)
    if done.returncode:
        raise MynaError(
            f"speech synthesis failed: {done.stderr.decode(errors='replace').strip()}",
            where="espeak-ng",
            fix=f"{install('speech')}; or use recordings of your own",
        )
    sounds, stream = [], BytesIO(done.stdout)
    for _ in utterances:
        size = int.from_bytes(stream.read(4), "little")
        sounds.append(trim(resample(np.frombuffer(stream.read(size), "<i2"))))
    return sounds


def trim(pcm: Pcm, threshold: int = 100, margin: int = RATE // 100) -> Pcm:
    """Cut leading and trailing samples below `threshold`, keeping 10 ms."""
    loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) >= threshold)
    return pcm[max(loud[0] - margin, 0) : loud[-1] + margin] if loud.size else pcm


def resample(pcm: Pcm) -> Pcm:
    """22,050 Hz → 16,000 Hz by a polyphase windowed sinc (int16 in and out)."""
    count = len(pcm) * UP // DOWN
    position = np.arange(count) * DOWN
    first = position // UP - TAPS // 2 + 1
    padded = np.pad(pcm.astype(np.float64), TAPS)
    taps = padded[(first + TAPS)[:, None] + np.arange(TAPS)]
    sound = np.rint((taps * _filters()[position % UP]).sum(1))
    return np.asarray(np.clip(sound, -32768, 32767), np.int16)


@lru_cache(maxsize=1)
def _filters() -> npt.NDArray[np.float64]:
    """One Hann-windowed sinc per phase, [320, TAPS], cut off at 93 % of the new Nyquist rate."""
    offset = np.arange(UP)[:, None] / UP
    time = np.arange(TAPS)[None, :] - (TAPS // 2 - 1) - offset
    cutoff = 0.93 * UP / DOWN
    window = 0.5 + 0.5 * np.cos(np.pi * np.clip(time / (TAPS // 2), -1, 1))
    filters = cutoff * np.sinc(cutoff * time) * window
    return np.asarray(filters / filters.sum(1, keepdims=True))


def _serve() -> None:
    """The fresh process: a JSON list on stdin, length-prefixed int16 samples on stdout."""
    library = _load()
    received = bytearray()

    def collect(wave: int | None, count: int, _events: int | None) -> int:
        if wave:
            received.extend(ctypes.string_at(wave, 2 * count))
        return 0

    callback = CALLBACK(collect)
    library.espeak_SetSynthCallback(callback)
    for text, voice in json.loads(sys.stdin.read()):
        child = os.fork()
        if not child:
            _utter(library, text, Voice(**voice))
            sys.stdout.buffer.write(len(received).to_bytes(4, "little") + received)
            sys.stdout.buffer.flush()
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            sys.exit(f"cannot speak {text!r} with voice {voice['name']!r}")


def _utter(library: ctypes.CDLL, text: str, voice: Voice) -> None:
    """Speak; the library's callback receives the sound. Ends the process on failure."""
    encoded = text.encode() + b"\0"
    if library.espeak_SetVoiceByName(voice.name.encode()):
        os._exit(1)
    library.espeak_SetParameter(RATE_PARAMETER, voice.rate, 0)
    library.espeak_SetParameter(PITCH_PARAMETER, voice.pitch, 0)
    if library.espeak_Synth(encoded, len(encoded), 0, 0, 0, UTF8, None, None):
        os._exit(1)


def _load() -> ctypes.CDLL:
    try:
        import espeakng_loader  # noqa: PLC0415  an extra, and needed in this process only
    except ImportError:
        sys.exit("the package espeakng-loader is not installed")
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = str(Path(espeakng_loader.get_data_path())).encode()
    if library.espeak_Initialize(SYNCHRONOUS, 0, data, 0) != ENGINE_RATE:
        sys.exit("the espeak-ng library does not start")
    return library


if __name__ == "__main__":
    _serve()
