# SPDX-License-Identifier: Apache-2.0
"""Detection error tradeoff: words missed against false accepts per hour, at every threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from myna.learn.detect import spaced

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Track:
    """Scores of one word in a sound.

    Attributes:
        scores: of each decision, int64 [n].
        times: when it was made, in samples, int64 [n].
    """

    scores: Ints
    times: Ints

    @property
    def best(self) -> int:
        """The largest score; less than any where there is none."""
        return int(self.scores.max(initial=np.iinfo(np.int64).min))

    def events(self, threshold: int, refractory: int) -> list[int]:
        """When the word was heard, if that takes so high a score."""
        times = self.times[self.scores >= threshold]
        return [int(time) for time in times[spaced(times, refractory)]]


@dataclass(frozen=True)
class Negatives:
    """Scores of one word where nobody says it.

    Attributes:
        tracks: of each sound.
        hours: all of them together.
        refractory: samples after a false accept without another.
    """

    tracks: Sequence[Track]
    hours: float
    refractory: int

    def false_accepts(self, threshold: int) -> int:
        """How often the word was heard."""
        return sum(len(track.events(threshold, self.refractory)) for track in self.tracks)

    def threshold(self, rate: float) -> int:
        """The least score that is heard at most so often an hour.

        Counts fall as the threshold rises, but for rare cases in which a first event no longer
        hides a second; so the search by halves may end at a neighbour of the least.
        """
        most = int(rate * self.hours + 1e-9)
        levels = np.unique(np.concatenate([track.scores for track in self.tracks]))
        low, high = 0, len(levels)  # at `high` few enough are heard
        while low < high:
            middle = (low + high) // 2
            if self.false_accepts(int(levels[middle])) <= most:
                high = middle
            else:
                low = middle + 1
        return int(levels[low]) if low < len(levels) else int(levels[-1]) + 1


def missed(positives: Sequence[Track], threshold: int) -> float:
    """Words that are not heard, in percent."""
    return 100 * float(np.mean([track.best < threshold for track in positives]))
