# SPDX-License-Identifier: Apache-2.0
"""Recordings as the front end wants them: int16, 16 kHz, mono; and whether they are fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from myna.audio.config import RATE, RECORDING
from myna.audio.decode import Recording
from myna.audio.features import Pcm
from myna.errors import MynaError

SHORTEST = RATE // 5  # no word is shorter than 0.2 s
QUIETEST = 16  # peak to peak; below this there is nothing to hear
LONGEST = 3600  # seconds; an hour takes 115 MB
FLATTEST = 0.8  # geometric over arithmetic mean of the power spectrum; of words up to 0.7
SPECTRUM = 512  # samples


def read_pcm(path: Path) -> Pcm:
    """Read a recording: int16 [samples]. What is not 16 kHz mono is converted, see `Converter`.

    Raises:
        MynaError: the file is missing, empty, not audio, truncated, too short, longer than an hour,
            silent or clipped throughout, or cannot be converted.
    """
    recording = Recording(path)
    _expect_an_hour(path, recording.seconds)
    pieces: list[Pcm] = []
    for piece in recording.pieces():
        pieces.append(piece)
        _expect_an_hour(path, sum(map(len, pieces)) / RATE)  # whatever its header says
    pcm = np.concatenate(pieces)
    if len(pcm) < SHORTEST:
        raise MynaError(
            f"lasts {len(pcm) / RATE:.2f} s, too short for a word",
            where=str(path),
            fix=f"record at least {SHORTEST / RATE:g} s, best one second",
        )
    if int(pcm.max()) - int(pcm.min()) < QUIETEST:
        raise MynaError(
            "holds only silence", where=str(path), fix="check the microphone and record again"
        )
    return pcm


def _expect_an_hour(path: Path, seconds: float) -> None:
    if seconds > LONGEST:
        raise MynaError(
            f"lasts {seconds:.0f} s, more than an hour",
            where=str(path),
            fix="cut it into shorter recordings",
        )


def read_clip(path: Path, samples: int = RATE) -> Pcm:
    """Read a recording and fit it to a length: int16 [samples]. Errors as for `read_pcm`."""
    return pad_or_trim(read_pcm(path), samples)


def read_recording(path: Path) -> Pcm:
    """Read a recording in which a board shall find the word: int16 [samples], four seconds at most.

    Raises:
        MynaError: as for `read_pcm`, or it is too long, or white noise.
    """
    pcm = read_pcm(path)
    if len(pcm) > RECORDING:
        raise MynaError(
            f"lasts {len(pcm) / RATE:.1f} s, longer than the {RECORDING / RATE:g} s a board takes",
            where=str(path),
            fix="record one word per file, or cut the file",
        )
    if _flatness(pcm) > FLATTEST:
        raise MynaError(
            "is noise without a word",
            where=str(path),
            fix="check the microphone, say the word clearly, and record again",
        )
    return pcm


def _flatness(pcm: Pcm) -> float:
    """How even the mean power spectrum is, DC left out: 1 is white (J. D. Johnston, 1988)."""
    frames = pcm[: len(pcm) // SPECTRUM * SPECTRUM].reshape(-1, SPECTRUM) * np.hanning(SPECTRUM)
    power = (np.abs(np.fft.rfft(frames)) ** 2).mean(0)[1:-1] + 1e-9
    return float(np.exp(np.log(power).mean()) / power.mean())


def write_wav(path: Path, pcm: Pcm) -> None:
    """Write int16 [samples] as a 16 kHz mono WAV file."""
    soundfile.write(path, pcm, RATE, subtype="PCM_16")


def pad_or_trim(pcm: Pcm, samples: int) -> Pcm:
    """Pad int16 [n] with zeros at the end, or cut the stretch of most energy, to [samples]."""
    if len(pcm) <= samples:
        return np.pad(pcm, (0, samples - len(pcm)))
    energy = np.concatenate([[0], np.cumsum(pcm.astype(np.int64) ** 2)])
    start = int(np.argmax(energy[samples:] - energy[:-samples]))
    return pcm[start : start + samples]
