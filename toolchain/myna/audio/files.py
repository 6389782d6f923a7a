# SPDX-License-Identifier: Apache-2.0
"""Sound files as the front end wants them: int16, 16 kHz, mono."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import soundfile

from myna.audio.config import RATE, RECORDING
from myna.audio.features import Pcm
from myna.errors import MynaError

SUFFIXES = (".flac", ".opus", ".wav")
FORMATS = "WAV, FLAC or Opus"
SHORTEST = RATE // 5  # no word is shorter than 0.2 s
QUIETEST = 16  # peak to peak; below this there is nothing to hear
LONGEST = 3600 * RATE  # an hour takes 115 MB
FLATTEST = 0.8  # geometric over arithmetic mean of the power spectrum; of words up to 0.7
SPECTRUM = 512  # samples
CLIPPED_SHARE = 0.5  # samples at full scale from which speech is beyond repair
OGG_PAGE = 27 + 255 + 255 * 255  # bytes of the largest: header, sizes of segments, segments
OGG_LAST = 4  # flag of a stream's last page


def read_pcm(path: Path) -> Pcm:
    """Read a recording as it is: int16 [samples].

    Raises:
        MynaError: the file is missing, empty, not audio, truncated, not 16 kHz, not mono, too
            short, silent or clipped throughout.
    """
    sound = _decode(path)
    if sound.shape[1] != 1:
        raise MynaError(
            f"has {sound.shape[1]} channels, Myna needs one",
            where=str(path),
            fix=f"mix it down: ffmpeg -i {path.name} -ac 1 mono.wav",
        )
    pcm = sound[:, 0]
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
    if np.mean((pcm == 32767) | (pcm <= -32767)) > CLIPPED_SHARE:
        raise MynaError(
            "is clipped throughout", where=str(path), fix="lower the gain and record again"
        )
    return pcm


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


def _decode(path: Path) -> Pcm:
    """The file's samples, int16 [n, channels], after checks of the container."""
    if not path.is_file():
        raise MynaError("no such file", where=str(path), fix="check the path")
    if path.stat().st_size == 0:
        raise MynaError("the file is empty", where=str(path), fix="record or copy it again")
    try:
        with soundfile.SoundFile(path) as sound:
            rate, declared = sound.samplerate, sound.frames
            _check_length(path, declared)
            pcm = _samples(sound)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise MynaError(
            f"cannot be read as audio ({error})",
            where=str(path),
            fix=f"use a complete {FORMATS} file, 16 kHz mono",
        ) from error
    if rate != RATE:
        raise MynaError(
            f"is sampled at {rate} Hz, Myna needs {RATE}",
            where=str(path),
            fix=f"convert it: ffmpeg -i {path.name} -ar {RATE} -ac 1 out.wav",
        )
    if len(pcm) < declared or _cut_short(path):
        raise MynaError(
            "is truncated: samples are missing",
            where=str(path),
            fix="copy or record it again",
        )
    return np.asarray(pcm, np.int16)


def _check_length(path: Path, samples: int) -> None:
    if samples > LONGEST:
        raise MynaError(
            f"holds {samples} samples, more than an hour",
            where=str(path),
            fix="cut it into shorter recordings",
        )


def _samples(sound: soundfile.SoundFile) -> Pcm:
    """All samples, int16 [n, channels].

    Asked for integers, libsndfile drops the fraction of floats, which is all, and lets what an
    Ogg decoder gives beyond full scale wrap around. float32 holds every int16.
    """
    values = sound.read(dtype="float32", always_2d=True)
    if not np.isfinite(values).all():
        raise MynaError(
            "holds samples that are no numbers",
            where=sound.name,
            fix="record or convert it again",
        )
    values *= 32768
    np.rint(values, out=values).clip(-32768, 32767, out=values)
    return np.asarray(values, np.int16)


def _cut_short(path: Path) -> bool:
    """Whether the end of a WAV or Ogg file is missing (libsndfile hides this)."""
    with path.open("rb") as file:
        head = file.read(12)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - OGG_PAGE))
        tail = file.read()
    if head[:4] == b"OggS":
        return not _ends_with_last_page(tail)
    if head[:4] != b"RIFF":
        return False
    promised = int.from_bytes(head[4:8], "little") + 8
    streamed = promised >= 0xFFFFFFFF or promised == 8  # recorders that never rewound the header
    return not streamed and size < promised


def _ends_with_last_page(tail: bytes) -> bool:
    """Whether an Ogg file's end holds the whole last page of a stream (RFC 3533, section 6)."""
    page = tail[max(0, tail.rfind(b"OggS")) :]
    if len(page) < 27:
        return False
    sizes = page[27 : 27 + page[26]]
    return bool(page[5] & OGG_LAST) and len(page) >= 27 + page[26] + sum(sizes)
