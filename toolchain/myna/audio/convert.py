# SPDX-License-Identifier: Apache-2.0
"""Sound of any sampling rate and number of channels as the front end wants it.

Channels are averaged, and the mean is resampled by libsoxr at its very high quality, in double
precision: what is below 7.4 kHz keeps its level within 0.02 dB, and what would alias is 180 dB
softer at 48 kHz. Its other qualities compute in single precision, and would round some samples of
a thousand differently from one processor to another; these differ by 1e-11 of a step of int16, so
that all machines give the same integers but for a tie that nobody has met. Given int16, it adds
noise to silence (docs/findings.md); given floats, it does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from myna.audio.config import RATE
from myna.audio.features import Pcm
from myna.errors import MynaError

LOWEST, HIGHEST = 8000, 192_000  # Hz
FULL_SCALE = 32767 / 32768  # magnitude from which a sample is clipped, or as good as
CANCELLED = 1e-3  # 30 dB: what is left of channels that are each other's inverse


class Converter:
    """Takes sound in pieces, and gives it as 16 kHz mono.

    Args:
        rate: samples per second of what it is given.

    Attributes:
        clipped: share of the samples given that were at full scale.

    Raises:
        MynaError: no sound is sampled at such a rate.
    """

    def __init__(self, rate: int) -> None:
        if not LOWEST <= rate <= HIGHEST:
            raise MynaError(
                f"is sampled at {rate} Hz, and {LOWEST} to {HIGHEST} can be converted",
                fix=f"record it at {RATE} Hz or more, or correct the rate in its header",
            )
        self._resampler = None
        if rate != RATE:
            self._resampler = soxr.ResampleStream(rate, RATE, 1, np.float64, "VHQ")
        self._given = self._clipped = 0
        self._energy = np.zeros(2)  # of the channels' mean, and the mean of the channels'

    def push(self, sound: npt.NDArray[np.floating[Any]], *, last: bool = False) -> Pcm:
        """Convert a piece.

        Args:
            sound: [samples, channels], full scale is 1.
            last: whether nothing follows; the rest of the sound comes out then.

        Returns:
            int16 [n], for all the sound given as many as last as long, to half a sample.

        Raises:
            MynaError: a sample is not finite.
        """
        if not np.isfinite(sound).all():
            raise MynaError("holds samples that are no numbers", fix="record or convert it again")
        self._given += sound.size
        self._clipped += int(np.count_nonzero(np.abs(sound) >= FULL_SCALE))
        mixed = sound.mean(1, dtype=np.float64)
        self._energy += (mixed**2).sum(), (sound.astype(np.float64) ** 2).mean(1).sum()
        if self._resampler:
            mixed = self._resampler.resample_chunk(mixed, last=last)
        return np.asarray(np.rint(mixed * 32768).clip(-32768, 32767), np.int16)

    @property
    def clipped(self) -> float:
        """See the class."""
        return self._clipped / max(self._given, 1)

    def expect_sum(self) -> None:
        """Raise a MynaError if the channels given so far cancel each other."""
        mixed, single = self._energy
        if mixed < CANCELLED * single:
            raise MynaError(
                "has channels that cancel each other: one is the other's inverse",
                fix="keep one of them: ffmpeg -i FILE -af pan=mono|c0=c0 mono.wav",
            )
