# SPDX-License-Identifier: Apache-2.0
"""What was taken for a word in a stream, or nearly: the user may say that it was none, or was.

Twin of firmware/runtime/sightings.c. Of decisions that nearly reach a threshold, or reach it, the
one that exceeds it most is kept, one in `SPAN` + 1 decisions. There a repeat will be most like it:
where the threshold was first reached, a word is only half over that begins as the sound does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from myna.learn.detect import FULL, SPAN, Embeddings, Event, Template, template
from myna.learn.templates import SIGHTINGS

NEAR = FULL // 16  # below a threshold, in which the user may know better


@dataclass(frozen=True)
class Sighting:
    """A sound that was taken for a word.

    Attributes:
        number: counted from 1.
        time: of the decision at which it was most like the word, in samples modulo 2^32.
        score: at that time.
        label: class of the word.
        accepted: whether it was an event, or only nearly.
    """

    number: int
    time: int
    score: int
    label: int
    accepted: bool


class Sightings:
    """The latest of them.

    Args:
        center: of embeddings, Q4.

    Attributes:
        kept: with their directions, the newest first.
    """

    def __init__(self, center: Embeddings) -> None:
        self._center, self._last, self._open, self._most = center, 0, 0, 0
        self.kept: tuple[tuple[Sighting, Template], ...] = ()

    def push(self, best: Event | None, excess: int, heard: Embeddings, *, accepted: bool) -> None:
        """Take a decision.

        Args:
            best: the word that exceeds its threshold most; None if a refused sound was more like
                it, or nothing is said yet.
            excess: by how much.
            heard: of the latest `SPAN` + 1 decisions, [n, inputs].
            accepted: whether it is an event.
        """
        self._open -= min(self._open, 1)
        if best is None or excess < -NEAR:
            return
        if not self._open or not self.kept or self.kept[0][0].number != self._last:
            self._last += 1
            self._open = SPAN + 1
        elif excess > self._most:
            accepted, self.kept = accepted or self.kept[0][0].accepted, self.kept[1:]
        else:
            newest, own = self.kept[0]
            merged = replace(newest, accepted=accepted or newest.accepted)
            self.kept = ((merged, own), *self.kept[1:])
            return
        self._most = excess
        noted = Sighting(self._last, best.time, best.score, best.word, accepted)
        made = template([heard], self._center)
        kept = ((noted, made), *self.kept)
        self.kept = tuple(one for one in kept if one[0].number > self._last - SIGHTINGS)

    def take(self, number: int) -> tuple[Sighting, Template]:
        """What has this number, which is kept no longer.

        Raises:
            KeyError: it is not kept.
        """
        for one in self.kept:
            if one[0].number == number:
                self.kept = tuple(other for other in self.kept if other is not one)
                return one
        raise KeyError(number)
