# SPDX-License-Identifier: Apache-2.0
"""Variations of a feature map, on the chip as well: another moment, level, noise, and gaps.

The specification that firmware/audio/augment.c repeats to the bit. All values are integers. Random
number i of a key, scaled by its high bits to 0 … n − 1, is draw(i, n) = (random32(key, i)·n) >> 32;
the Draw below names what each i decides.

1. Time. shift = draw(2·SHIFT + 1) − SHIFT; x[t] = features[clamp(t − shift, 0, frames − 1)].
2. Level. With most = (GAIN·multiplier + 2^13) >> 14 steps: x += draw(2·most + 1) − most.
3. Noise, if there is one and draw(NOISY) = 0. n[t] = noise[(t + draw(frames)) mod frames], and a
   gain is added to it as in step 2. Then x = max(x, n) + T[|x − n|], zero beyond the table's end.
   In any case x is saturated to −128 … 127.
4. Masks. A time mask has width w = draw(min(TIME_MASK, frames) + 1) and starts at
   draw(frames − w + 1); a band mask likewise. Masked values are 0, the mean of every band.

Why levels can be added. With coefficients = 0 and one multiplier m, a feature is the logarithm
l = log2(energy) of its band, relative to the floor: q = (l − o)/s, with o = offset/2^22 of the band
and s = 2^14/m, the octaves of power in one step. Energies of independent sounds add, and
    log2(2^a + 2^b) = max(a, b) + log2(1 + 2^−|a − b|).
Put l = s·q + o on both sides: o is the same in both maps, so it goes out of the difference |a − b|
and passes through the maximum,
    q = max(q1, q2) + T[|q1 − q2|],   T[d] = log2(1 + 2^(−d·s))/s.
So the offsets may differ from band to band, and one table serves all bands. A gain of g octaves is
q + g/s, one integer for all bands. Two things are not as in sound: the floor, which every energy
contains, is amplified and added too, and features that were saturated stay so.

With a DCT or unequal multipliers a feature is no such level: T is empty, and only time is varied
(the shift and the time mask).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from myna import fixed
from myna.audio.config import AudioConfig
from myna.audio.tables import make_tables
from myna.errors import MynaError

Map = npt.NDArray[np.int8]
Levels = npt.NDArray[np.int64]
SHIFT = 5  # frames, earlier or later
GAIN = 2  # octaves of power, 6.02 dB, softer or louder
NOISE_GAIN = 2  # the same of the noise
NOISY = 2  # one map in so many gets noise
TIME_MASK = 6  # frames at most
BAND_MASK = 3  # bands at most


class Draw(IntEnum):
    """What each random number of a key decides; a mask draws its width, then its start."""

    SHIFT = 0
    GAIN = 1
    NOISY = 2
    NOISE_START = 3
    NOISE_GAIN = 4
    TIME_MASK = 5
    BAND_MASK = 7


def vary(config: AudioConfig, features: Map, noise: Map | None, key: int) -> Map:
    """One variation of a map.

    Args:
        config: what the maps were made with.
        features: int8 [frames, features].
        noise: a map of noise alone, int8 [frames, features], or None.
        key: uint32, chooses the variation.

    Returns:
        int8 [frames, features].

    Raises:
        MynaError: a map has another type or shape.
    """
    check_maps(config, features, noise)
    time = np.arange(config.frames)
    source = np.clip(time - _signed(key, Draw.SHIFT, SHIFT), 0, config.frames - 1)
    varied = features[source]
    if len(make_tables(config).log_add):
        varied = _vary_levels(config, varied, noise, key)
    varied[_mask(key, Draw.TIME_MASK, TIME_MASK, config.frames)] = 0
    return varied


def log_add(config: AudioConfig, a: Levels, b: Levels) -> Levels:
    """The level of two sounds together, in int8 steps, not saturated; arrays of one shape."""
    table = make_tables(config).log_add.astype(np.int64)
    difference = np.abs(a - b)
    more = np.where(difference < len(table), table[np.minimum(difference, len(table) - 1)], 0)
    return np.asarray(np.maximum(a, b) + more)


def check_maps(config: AudioConfig, features: Map, noise: Map | None) -> None:
    """Raise a MynaError unless each map is int8 [frames, features] of the configuration."""
    for found in (features,) if noise is None else (features, noise):
        if found.dtype != np.int8 or found.shape != (config.frames, config.features):
            raise MynaError(
                f"a map must be int8 [{config.frames}, {config.features}], "
                f"not {found.dtype} {list(found.shape)}",
                where="variation of features",
                fix="extract both maps with the same audio configuration",
            )


def _vary_levels(config: AudioConfig, features: Map, noise: Map | None, key: int) -> Map:
    """Steps 2 to 4 but the time mask."""
    level = features.astype(np.int64) + _signed(key, Draw.GAIN, _steps(config, GAIN))
    if noise is not None and _draw(key, Draw.NOISY, NOISY) == 0:
        gain = _signed(key, Draw.NOISE_GAIN, _steps(config, NOISE_GAIN))
        other = np.roll(noise, -_draw(key, Draw.NOISE_START, config.frames), axis=0)
        level = log_add(config, level, other.astype(np.int64) + gain)
    level[:, _mask(key, Draw.BAND_MASK, BAND_MASK, config.features)] = 0
    return np.asarray(fixed.saturate(level, -128, 127), np.int8)


def _steps(config: AudioConfig, octaves: int) -> int:
    """int8 steps of a level in octaves of power."""
    return (octaves * config.multiplier[0] + (1 << 13)) >> 14


def _draw(key: int, index: int, count: int) -> int:
    """Uniform in 0 … count − 1."""
    return (int(fixed.random32(key, index)) * count) >> 32


def _signed(key: int, index: int, most: int) -> int:
    """Uniform in −most … most."""
    return _draw(key, index, 2 * most + 1) - most


def _mask(key: int, index: int, widest: int, size: int) -> slice:
    width = _draw(key, index, min(widest, size) + 1)
    start = _draw(key, index + 1, size - width + 1)
    return slice(start, start + width)
