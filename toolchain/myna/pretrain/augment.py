# SPDX-License-Identifier: Apache-2.0
"""Augmentation of clips in the time domain, from an explicit generator."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from myna.audio.config import RATE
from myna.audio.features import Pcm
from myna.audio.files import pad_or_trim

Random = np.random.Generator
Floats = npt.NDArray[np.float64]
SPEED = 0.15  # relative; changes pitch and formants with it
SHIFT = RATE // 10  # ±100 ms
GAIN_DB = (-18.0, 6.0)
SNR_DB = (0.0, 30.0)
NOISY_SHARE = 0.6  # of the clips get noise
TILT_DB = 6.0  # largest deviation of the random frequency response
SILENCE_DB = (-60.0, 0.0)  # level of noise-only clips against the recording


def augment(pcm: Pcm, noises: list[Pcm], random: Random) -> Pcm:
    """One clip, int16 [n], as another voice, room, distance and noise might have given it."""
    sound = change_speed(pcm.astype(np.float64), random)
    sound = shift(sound, int(random.integers(-SHIFT, SHIFT + 1)))
    sound = colour(sound, random)
    if random.random() < NOISY_SHARE:
        noise = noise_clip(len(sound), noises, random)
        ratio = decibels(-random.uniform(*SNR_DB)) * rms(sound) / max(rms(noise), 1.0)
        sound = sound + ratio * noise
    return to_pcm(sound * decibels(random.uniform(*GAIN_DB)))


def silence(samples: int, noises: list[Pcm], random: Random) -> Pcm:
    """A clip without speech, int16 [samples]: noise of any level, now and then pure zeros."""
    if random.random() < 0.05:
        return np.zeros(samples, np.int16)
    return to_pcm(noise_clip(samples, noises, random) * decibels(random.uniform(*SILENCE_DB)))


def noise_clip(samples: int, noises: list[Pcm], random: Random) -> Floats:
    """A stretch of one of the recordings, or coloured Gaussian noise (always, without any)."""
    if noises and random.random() < 0.7:
        recording = noises[random.integers(len(noises))]
        start = random.integers(len(recording) - samples + 1)
        return recording[start : start + samples].astype(np.float64)
    spectrum = np.fft.rfft(random.normal(size=samples))
    frequency = np.maximum(np.arange(len(spectrum)), 1.0)
    noise = np.fft.irfft(spectrum * frequency ** -random.uniform(0, 1.2), samples)
    return noise * (3000 / max(rms(noise), 1e-9))


def change_speed(sound: Floats, random: Random) -> Floats:
    """Play faster or slower by up to SPEED, by linear interpolation; the length stays."""
    factor = 1 + random.uniform(-SPEED, SPEED)
    position = np.arange(len(sound)) * factor
    return np.asarray(np.interp(position, np.arange(len(sound)), sound, right=0.0))


def shift(sound: Floats, by: int) -> Floats:
    """Move by `by` samples, later if positive; zeros come in."""
    moved = np.zeros_like(sound)
    if by >= 0:
        moved[by:] = sound[: len(sound) - by]
    else:
        moved[:by] = sound[-by:]
    return moved


def colour(sound: Floats, random: Random) -> Floats:
    """A smooth random frequency response, as microphones and rooms have."""
    bands = random.uniform(-TILT_DB, TILT_DB, 6)
    spectrum = np.fft.rfft(sound)
    points = np.linspace(0, 1, len(bands))
    response = decibels(np.interp(np.linspace(0, 1, len(spectrum)) ** 0.5, points, bands))
    return np.fft.irfft(spectrum * response, len(sound))


def place(word: Pcm, samples: int, random: Random) -> Pcm:
    """Put a trimmed word at a random time within `samples`."""
    word = pad_or_trim(word, min(len(word), samples))
    start = int(random.integers(samples - len(word) + 1))
    return np.pad(word, (start, samples - len(word) - start))


def to_pcm(sound: Floats) -> Pcm:
    """Round and saturate to int16."""
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)


def rms(sound: Floats) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(sound * sound)))


def decibels(value: float | Floats) -> Floats:
    """Amplitude ratio of a level in dB."""
    return np.asarray(10 ** (np.asarray(value) / 20))
