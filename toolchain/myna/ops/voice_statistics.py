# SPDX-License-Identifier: Apache-2.0
"""What a word's features say of the voice that speaks it: mean and deviation of each band.

Taken over the frames that hold speech, so that pauses count for nothing, and without the level,
which says nothing of a person. Layout: [frames, bands, 1], log-mel maps of the audio front end.
Source: mean and deviation pooled over time as in x-vectors (Snyder et al., "X-Vectors: Robust DNN
Embeddings for Speaker Recognition", ICASSP 2018), here of the features themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt
from typing import ClassVar

import numpy as np

from myna import fixed
from myna.ir import Array, Tensor
from myna.ops.base import Case, Op, Type, expect, int64

BITS = 2  # fraction bits of the statistics
MOST = 128  # frames, and bands: what the kernel keeps of them lies on the stack
SHAPES = ((49, 20, 1), (12, 8, 1), (1, 1, 1), (MOST, MOST, 1))


@dataclass(frozen=True)
class VoiceStatistics(Op):
    """Input: x int8 [frames, bands, 1]. Output: int8 [2 · bands] in Q2, the means of the bands less
    their common level, then their deviations."""

    kernel: ClassVar[str] = "myna_voice_statistics_s8"
    struct: ClassVar[str] = "voice_statistics"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        (x,) = inputs
        is_map = len(x.shape) == 3 and x.shape[2] == 1
        expect(is_map and max(x.shape) <= MOST, f"is no map of at most {MOST} × {MOST}", x)
        return (((2 * x.shape[1],), "int8"),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x = int64(inputs[0])[..., 0]
        frames = len(x)
        energy = x.sum(1)
        ordered = np.sort(energy)
        low, high = ordered[frames // 5], ordered[9 * frames // 10]
        speech = x[5 * (energy - low) > 2 * (high - low)]
        count = max(len(speech), 1)
        total, squares = speech.sum(0), (speech * speech).sum(0)
        mean = fixed.divide(total << BITS, count)
        spread = ((count * squares - total * total) << 2 * BITS) // count**2
        deviation = np.array([isqrt(value) for value in spread.tolist()])
        statistics = np.concatenate([mean - fixed.divide(mean.sum(), len(mean)), deviation])
        return (fixed.saturate(statistics, -127, 127).astype(np.int8),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        frames, bands = inputs[0].shape[:2]
        return {"frames": frames, "bands": bands}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(53)
        for i, shape in enumerate(SHAPES):
            yield Case(f"voice_statistics{i}", cls(), (rng.integers(-128, 128, shape, np.int8),))
        loud = np.sin(np.linspace(0, np.pi, 49))[:, None]  # a word between two pauses
        word = (100 * loud - 60 + rng.normal(0, 9, (49, 20))).clip(-128, 127).astype(np.int8)
        yield Case("voice_statistics_word", cls(), (word[..., None],))
        yield Case("voice_statistics_even", cls(), (np.full((49, 20, 1), -7, np.int8),))
        steps = np.repeat([[-128], [127]], [20, 29], axis=0) * np.array([1, 1, 0])
        yield Case("voice_statistics_steps", cls(), (steps[..., None].astype(np.int8),))
