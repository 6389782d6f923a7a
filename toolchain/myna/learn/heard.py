# SPDX-License-Identifier: Apache-2.0
"""What was taken for a word lately, or nearly was, as features: the user may say that it was none.

Twin of firmware/runtime/heard.c.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

NEAR = 4096  # Q15 below the threshold, in which the user may know better

Features = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Heard:
    """A sound that was taken for a word.

    Attributes:
        number: counted from 1.
        features: int8 [frames, coefficients].
        label: class of the word.
        confidence: similarity to it beyond what is typical of it (Q15).
        accepted: whether that reached the threshold, or only nearly.
    """

    number: int
    features: Features
    label: int
    confidence: int
    accepted: bool


class HeardRing:
    """The latest of them.

    Args:
        room: how many are kept.
        no_words: classes of silence and of other words.

    Attributes:
        kept: what is kept, the newest last.
    """

    def __init__(self, room: int, no_words: Collection[int]) -> None:
        self._room, self._no_words, self._last = room, no_words, 0
        self.kept: tuple[Heard, ...] = ()

    def note(self, features: Features, label: int, confidence: int, *, accepted: bool) -> int:
        """Keep the features of what was taken for a class, in place of the oldest.

        Returns:
            their number, which the same features keep; 0 for what is no word.
        """
        if not self._room or label in self._no_words:
            return 0
        same = next((h.number for h in self.kept if np.array_equal(h.features, features)), None)
        if same is None:
            self._last += 1
        noted = Heard(same or self._last, features, label, confidence, accepted)
        others = (h for h in self.kept if h.number != noted.number)
        kept = sorted([*others, noted], key=lambda h: h.number)
        self.kept = tuple(h for h in kept if h.number > self._last - self._room)
        return noted.number

    def clear(self, lowest: int = 0) -> None:
        """Forget what was taken for classes from `lowest` on."""
        self.kept = tuple(h for h in self.kept if h.label < lowest)

    def remove(self, label: int, last: int) -> None:
        """Forget what was taken for a class that goes; the last class takes its number."""
        self.kept = tuple(
            replace(h, label=label if h.label == last else h.label)
            for h in self.kept
            if h.label != label
        )
