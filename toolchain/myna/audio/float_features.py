# SPDX-License-Identifier: Apache-2.0
"""The front end in floating point: what the integer one approximates. For comparison only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from myna.audio import features
from myna.audio.config import FRAME, HOP, AudioConfig
from myna.audio.features import Pcm
from myna.audio.tables import Floats, dct_basis, mel_triangles


@dataclass(frozen=True)
class Error:
    """Distance of integer from float features, in steps of the int8 features."""

    mean: float
    p99: float
    p999: float
    max: float
    different: float  # share of values that differ from the float feature rounded to int8
    saturated: float  # share of values at −128 or 127


def extract(config: AudioConfig, pcm: Pcm) -> Floats:
    """Unrounded features in int8 steps, float64 [..., frames, features], within −128 … 127.

    Arguments and errors as for `features.extract`.
    """
    features.check_pcm(config, pcm)
    windows = np.lib.stride_tricks.sliding_window_view(pcm[..., : config.samples], FRAME, axis=-1)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    spectrum = np.fft.rfft(windows[..., ::HOP, :] * window)[..., : FRAME // 2]
    energy = (np.abs(spectrum) ** 2) @ (255 * mel_triangles(config)).T
    # The integer spectrum is 2^6 times the true one, its power is shifted right by 6.
    log = np.log2(energy * 2.0**6 + 2.0**config.floor_bits) - config.floor_bits
    raw = log @ dct_basis(config).T if config.coefficients else log
    steps = (raw * 2**22 - np.array(config.offset)) * np.array(config.multiplier) / 2**36
    return np.asarray(np.clip(steps, -128, 127))


def measure(config: AudioConfig, pcm: Pcm) -> Error:
    """Compare the two front ends on clips, int16 [..., samples]."""
    integer, real = features.extract(config, pcm), extract(config, pcm)
    distance = np.abs(integer - real)
    p99, p999 = np.percentile(distance, [99, 99.9])
    return Error(
        mean=float(distance.mean()),
        p99=float(p99),
        p999=float(p999),
        max=float(distance.max()),
        different=float(np.mean(integer != np.rint(real))),
        saturated=float(np.mean((integer == -128) | (integer == 127))),
    )
