# SPDX-License-Identifier: Apache-2.0
"""Speech in noise: mixed at a given signal-to-noise ratio, and noise where nobody recorded any."""

from __future__ import annotations

import numpy as np

from myna.audio.config import HOP, RATE
from myna.audio.features import Pcm
from myna.errors import MynaError

PAUSE_DB = 20.0  # a hop so much softer than the loudest one is no speech
GOLDEN = (5**0.5 - 1) / 2  # its multiples modulo one spread evenly, however many are taken
COLOURED_RMS = 1000.0  # of int16
LOUDEST = 32767


def power(pcm: Pcm) -> float:
    """Mean square of int16 samples."""
    return float(np.mean(pcm.astype(np.float64) ** 2))


def speech_power(pcm: Pcm) -> float:
    """Mean square of the speech in int16 [samples]: of all hops within 20 dB of the loudest."""
    hops = pcm[: len(pcm) // HOP * HOP].reshape(-1, HOP).astype(np.float64)
    powers = (hops**2).mean(1)
    return float(powers[powers >= powers.max() * 10 ** (-PAUSE_DB / 10)].mean())


def at_power(noise: Pcm, wanted: float) -> Pcm:
    """The noise at another mean square, saturated as a microphone would."""
    scaled = noise * (wanted / _audible(noise)) ** 0.5
    return np.asarray(np.clip(np.rint(scaled), -LOUDEST - 1, LOUDEST), np.int16)


def mix(speech: Pcm, noise: Pcm, snr_db: float) -> Pcm:
    """Speech with noise that is so much softer, int16 [samples].

    The noise is scaled and the speech is left as it is; both are attenuated where their sum would
    not fit, so that the ratio is exact but for the rounding of samples.

    Args:
        speech: int16 [samples]; its power is that of `speech_power`.
        noise: int16 [samples], its power is that of all samples.
        snr_db: signal-to-noise ratio.

    Raises:
        MynaError: the noise is pure zeros.
    """
    gain = (speech_power(speech) / _audible(noise)) ** 0.5 * 10 ** (-snr_db / 20)
    both = speech + gain * noise.astype(np.float64)
    fit = min(1.0, LOUDEST / max(float(np.abs(both).max()), 1.0))
    return np.asarray(np.rint(fit * both), np.int16)


def stretches(noise: Pcm, count: int, samples: int = RATE) -> Pcm:
    """Parts of a longer noise, int16 [count, samples], spread all over it; the same every time."""
    starts = (GOLDEN * np.arange(1, count + 1)) % 1 * (len(noise) - samples + 1)
    return np.array([noise[start : start + samples] for start in starts.astype(int).tolist()])


def coloured(colour: float, seconds: int, seed: int) -> Pcm:
    """Stationary noise whose power falls by frequency^-colour: 0 is white, 1 pink, 2 brown."""
    white = np.random.default_rng(seed).normal(size=seconds * RATE)
    spectrum = np.fft.rfft(white)
    spectrum[0] = 0
    spectrum[1:] *= np.arange(1, len(spectrum)) ** (-colour / 2)
    sound = np.fft.irfft(spectrum, len(white))
    return np.asarray(np.rint(sound * (COLOURED_RMS / sound.std())), np.int16)


def _audible(noise: Pcm) -> float:
    found = power(noise)
    if not found:
        raise MynaError(
            "is pure zeros, which have no level", where="noise", fix="record the noise again"
        )
    return found
