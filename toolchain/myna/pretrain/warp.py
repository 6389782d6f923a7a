# SPDX-License-Identifier: Apache-2.0
"""Augmentation of feature maps while training: other speakers, tempos and channels, every epoch.

Time is stretched by interpolating frames; the frequency axis is warped as another vocal tract
would (VTLP, Jaitly & Hinton 2013), which is a linear map of the features; a constant offset stands
for another channel; a stretch of time is masked (SpecAugment, Park et al. 2019).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from myna.audio.config import AudioConfig
from myna.audio.tables import Floats, dct_basis
from myna.pretrain.augment import Random

Maps = npt.NDArray[np.float32]
TRACTS = np.linspace(0.88, 1.12, 13)  # factors of all frequencies
STRETCH = 0.22  # largest |log| of the change of tempo
SHIFT = 3.0  # frames
CHANNEL = 0.15  # spread of the offsets, of features whose spread is 1
MASK = 8  # frames masked at most


class Warp:
    """Augmentation for one audio configuration."""

    def __init__(self, config: AudioConfig) -> None:
        linear, offset = zip(*(_tract(config, factor) for factor in TRACTS), strict=True)
        self._linear = np.array(linear, np.float32)
        self._offset = np.array(offset, np.float32)

    def __call__(self, batch: Maps, random: Random) -> Maps:
        """Change real-valued features [batch, frames, features], mean 0 and spread 1."""
        count, frames, features = batch.shape
        tract = random.integers(len(TRACTS), size=count)
        channel = random.normal(0, CHANNEL, (count, features)).astype(np.float32)
        batch = batch @ self._linear[tract] + (self._offset[tract] + channel)[:, None]
        batch = _stretch(batch, random)
        width, start = random.integers(0, (MASK + 1, frames), (count, 2)).T[..., None]
        time = np.arange(frames)
        masked = (time >= start) & (time < start + width)
        return np.where(masked[..., None], np.float32(0), batch)


def _stretch(batch: Maps, random: Random) -> Maps:
    """Play each map faster or slower about a random frame; the edges are continued."""
    count, frames, _ = batch.shape
    factor = np.exp(random.uniform(-STRETCH, STRETCH, (count, 1)))
    centre = random.uniform(0.2 * frames, 0.8 * frames, (count, 1))
    by = random.uniform(-SHIFT, SHIFT, (count, 1))
    position = np.clip(centre + (np.arange(frames) - centre) * factor + by, 0, frames - 1)
    before = np.minimum(position.astype(np.int64), frames - 2)
    part = (position - before).astype(np.float32)[..., None]
    rows = np.arange(count)[:, None]
    return np.asarray(batch[rows, before] * (1 - part) + batch[rows, before + 1] * part)


def _tract(config: AudioConfig, factor: float) -> tuple[Floats, Floats]:
    """Linear map [features, features] and offset [features] of all frequencies × factor.

    The features are x = (D·l − o)·k with log energies l and basis D; warping l by interpolation
    matrix W gives x' = (D·W·Dᵀ·(x/k + o) − o)·k, in the form x·A + b.
    """
    basis = dct_basis(config) if config.coefficients else np.eye(config.mels)
    offset = np.array(config.offset) / 2**22
    gain = np.array(config.multiplier) * config.scale / 2**14
    map_raw = basis @ _interpolation(config, factor) @ basis.T
    return (map_raw * gain[:, None] / gain).T, (map_raw @ offset - offset) * gain


def _interpolation(config: AudioConfig, factor: float) -> Floats:
    """Matrix [mels, mels] that reads the log energies at frequencies divided by `factor`."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (config.low_hz, config.high_hz))
    step = (high - low) / (config.mels + 1)
    hz = 700 * (10 ** ((low + step * np.arange(1, config.mels + 1)) / 2595) - 1)
    position = (2595 * np.log10(1 + hz / factor / 700) - low) / step - 1
    position = np.clip(position, 0, config.mels - 1)
    distance = np.abs(position[:, None] - np.arange(config.mels))
    return np.asarray(np.maximum(1 - distance, 0))
