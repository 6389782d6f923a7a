# SPDX-License-Identifier: Apache-2.0
"""Labelled feature maps: what engines learn from and are examined on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from myna.audio import native
from myna.audio.config import AudioConfig
from myna.audio.dataset import Clip
from myna.audio.files import read_clip
from myna.errors import MynaError

Progress = Callable[[int, int], None]  # (done, total)


@dataclass(frozen=True)
class Examples:
    """Feature maps and their classes.

    Attributes:
        features: int8 [n, frames, coefficients].
        labels: int64 [n].
    """

    features: npt.NDArray[np.int8]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def join(self, others: Examples) -> Examples:
        """These examples, then others."""
        features = np.concatenate([self.features, others.features])
        return Examples(features, np.concatenate([self.labels, others.labels]))

    def take(self, chosen: Sequence[int]) -> Examples:
        """The examples at these positions, in this order."""
        index = np.array(chosen, np.int64)
        return Examples(self.features[index], self.labels[index])


def read_examples(
    config: AudioConfig,
    clips: Sequence[Clip],
    classes: Mapping[str, int],
    progress: Progress | None = None,
) -> tuple[tuple[Clip, ...], Examples, tuple[MynaError, ...]]:
    """Read recordings and compute their features.

    Args:
        config: the model's front end.
        clips: what to read, not empty.
        classes: the class of each clip's word.
        progress: called with recordings (done, total).

    Returns:
        the usable clips, their examples, and why each other clip was left out.

    Raises:
        MynaError: no clip is usable (the first one's error).
    """
    kept: list[Clip] = []
    maps: list[npt.NDArray[np.int8]] = []
    problems: list[MynaError] = []
    for done, clip in enumerate(clips, 1):
        try:
            maps.append(native.extract(config, read_clip(clip.path, config.window)))
            kept.append(clip)
        except MynaError as error:
            problems.append(error)
        if progress:
            progress(done, len(clips))
    if not kept:
        raise problems[0]
    labels = np.array([classes[clip.word] for clip in kept], np.int64)
    return tuple(kept), Examples(np.array(maps, np.int8), labels), tuple(problems)
