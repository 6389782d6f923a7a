# SPDX-License-Identifier: Apache-2.0
"""What a clip is learned from: itself or a variation of it, as the latent that stays the same.

Twin of firmware/runtime/latents.c. What is frozen makes the same of the same features every
time, so a device does it once, when a clip arrives, and keeps the result; here it is done when it
is first asked for. Variation n of a clip depends on the seed, the clip and the stored noises alone.
"""

from __future__ import annotations

import zlib
from typing import Protocol

import numpy as np
import numpy.typing as npt

from myna import fixed
from myna.audio.augment import vary
from myna.audio.config import AudioConfig
from myna.ir import Array
from myna.learn.examples import Examples
from myna.passes.memory.plan import Program

TAG_KEEP = 0x4B454550  # "KEEP": no tensor draws with this tag
DRAW_NOISE = 0x100  # number of the draw that chooses a noise; those of `vary` are less

Features = npt.NDArray[np.int8]


class Core(Protocol):
    """What makes latents."""

    program: Program

    @property
    def clock(self) -> tuple[int, int]: ...
    def encode(self, features: Array) -> Array: ...


class Variations:
    """Variations of clips, mixed with the noises among them.

    Args:
        audio: the front end; None if there is none, and nothing is varied.
        silence: the class of clips without speech, which are not varied, if there is one.
        clips: what is stored.
        vary: whether anything is varied.
    """

    def __init__(
        self, audio: AudioConfig | None, silence: int | None, clips: Examples, *, vary: bool
    ) -> None:
        self._audio = audio if vary else None
        self._silence = silence
        self._noises = clips.features[clips.labels == silence]

    def of(self, features: Features, label: int, key: int) -> Features:
        """The variation of a key, or the features where nothing is varied."""
        if self._audio is None or label == self._silence:
            return features
        noise = None
        if len(self._noises):
            noise = self._noises[draw(key, DRAW_NOISE, len(self._noises))]
        return vary(self._audio, features, noise, key)


class Latents:
    """Latents of clips' variations, of which a device keeps some.

    Args:
        core: makes them.
        clips: what is stored.
        variations: how they are varied.
    """

    def __init__(self, core: Core, clips: Examples, variations: Variations) -> None:
        self._core, self._clips, self._variations = core, clips, variations
        self._made: dict[tuple[int, int], Array] = {}

    def of(self, clip: int, number: int, key: int) -> Array:
        """The latent of a variation of a clip, int8 [bytes].

        Args:
            clip: its place among the clips.
            number: of the variation, counted from 0.
            key: what takes the number's place where none are kept.
        """
        features, label = self._clips.features[clip], int(self._clips.labels[clip])
        if not self._core.program.variations:
            return self._core.encode(self._variations.of(features, label, key))
        if (clip, number) not in self._made:
            own = fixed.key(self._core.clock[0], zlib.crc32(features.tobytes()), TAG_KEEP)
            varied = self._variations.of(features, label, int(fixed.random32(own, number)))
            self._made[clip, number] = self._core.encode(varied)
        return self._made[clip, number]


def draw(key: int, index: int, below: int) -> int:
    """Draw number `index` of a key, in [0, below)."""
    return (int(fixed.random32(key, index)) * below) >> 32
