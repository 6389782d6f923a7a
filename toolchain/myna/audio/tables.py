# SPDX-License-Identifier: Apache-2.0
"""The constant tables of the front end, computed once from floats and rounded half to even.

No entry lies near a rounding boundary, so every machine computes the same integers; a test locks
their digests.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from myna.audio.config import FRAME, RATE, AudioConfig
from myna.errors import MynaError

Floats = npt.NDArray[np.float64]
LOG_SEGMENTS = 32  # linear pieces of the mantissa's logarithm


@dataclass(frozen=True)
class Tables:
    """All constants of one configuration.

    Attributes:
        window: int16 [512], periodic Hann window, Q15.
        twiddle: int32 [256, 2], cosine and sine of 2πk/512, Q31.
        log2: int16 [33], log2(1 + i/32), Q12.
        mel_first: int16 [mels], first FFT bin of each triangle.
        mel_count: int16 [mels], bins in each triangle.
        mel_weight: uint8 [sum(mel_count)], the triangles one after the other, peak 255.
        dct: int16 [coefficients, mels], orthonormal DCT-II, Q14.
        log_add: uint8 [1 … 256], int8 steps by which the level of two sounds together exceeds the
            louder one, by the difference of their levels in steps; zeros at the end are cut. Empty
            where features are not levels in one unit: with a DCT, or with unequal multipliers.
    """

    window: npt.NDArray[np.int16]
    twiddle: npt.NDArray[np.int32]
    log2: npt.NDArray[np.int16]
    mel_first: npt.NDArray[np.int16]
    mel_count: npt.NDArray[np.int16]
    mel_weight: npt.NDArray[np.uint8]
    dct: npt.NDArray[np.int16]
    log_add: npt.NDArray[np.uint8]


@lru_cache(maxsize=16)
def make_tables(config: AudioConfig) -> Tables:
    """Compute the tables of a configuration.

    Raises:
        MynaError: a mel triangle is so narrow that it holds no FFT bin.
    """
    angle = 2 * np.pi * np.arange(FRAME) / FRAME
    half = angle[: FRAME // 2]
    twiddle = np.rint(np.stack([np.cos(half), np.sin(half)], axis=-1) * 2**31)
    triangles = np.rint(255 * mel_triangles(config)).astype(np.uint8)
    used = [np.flatnonzero(row) for row in triangles]
    for number, bins in enumerate(used):
        if not bins.size:
            raise MynaError(
                f"mel triangle {number} of {config.mels} holds no FFT bin",
                where="audio configuration",
                fix="use fewer mels or a wider range of frequencies",
            )
    spans = [(int(bins[0]), int(bins[-1] - bins[0] + 1)) for bins in used]
    return Tables(
        window=np.rint(32767 * (0.5 - 0.5 * np.cos(angle))).astype(np.int16),
        twiddle=np.minimum(twiddle, 2**31 - 1).astype(np.int32),
        log2=np.rint(4096 * np.log2(1 + np.arange(LOG_SEGMENTS + 1) / LOG_SEGMENTS)).astype("i2"),
        mel_first=np.array([first for first, _ in spans], np.int16),
        mel_count=np.array([count for _, count in spans], np.int16),
        mel_weight=np.concatenate(
            [row[a : a + n] for row, (a, n) in zip(triangles, spans, strict=True)]
        ),
        dct=np.rint(2**14 * dct_basis(config)).astype(np.int16),
        log_add=_log_add(config),
    )


def _log_add(config: AudioConfig) -> npt.NDArray[np.uint8]:
    """log₂(1 + 2^(−d/steps))·steps for d = 0, 1, …; at most 255, which no useful scale reaches."""
    if config.coefficients or len(set(config.multiplier)) > 1:
        return np.zeros(0, np.uint8)
    steps = config.multiplier[0] / 2**14  # of int8 in an octave of power
    rise = np.rint(steps * np.log2(1 + np.exp2(-np.arange(256) / steps)))
    used = max(np.count_nonzero(rise), 1)  # it falls; the first entry tells that levels add
    return np.asarray(np.minimum(rise[:used], 255), np.uint8)


def mel_triangles(config: AudioConfig) -> Floats:
    """Triangles [mels, 256] over the FFT bins, peak 1, equally spaced on the HTK mel scale."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (config.low_hz, config.high_hz))
    edges = 700 * (10 ** (np.linspace(low, high, config.mels + 2) / 2595) - 1)
    hz = np.arange(FRAME // 2) * RATE / FRAME
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.clip(np.minimum((hz - left) / (centre - left), (right - hz) / (right - centre)), 0, 1)


def dct_basis(config: AudioConfig) -> Floats:
    """Orthonormal DCT-II [coefficients, mels]."""
    row = np.arange(config.coefficients)[:, None]
    column = np.arange(config.mels)[None, :] + 0.5
    basis = np.sqrt(2 / config.mels) * np.cos(np.pi * row * column / config.mels)
    basis[:1] /= np.sqrt(2)
    return np.asarray(basis)
