# SPDX-License-Identifier: Apache-2.0
"""Voice activity, by the level of sound alone: whether a network need be run at all.

Twin of firmware/runtime/gate.c. The floor is what the noise of the room is taken for. It follows
what is quieter at once and what is louder slowly, as speech pauses and noise does not: a cheap form
of minimum statistics. Source: Martin, "Noise Power Spectral Density Estimation Based on Optimal
Smoothing and Minimum Statistics" (IEEE Transactions on Speech and Audio Processing, 2001).
"""

from __future__ import annotations

from dataclasses import dataclass

from myna.audio.endpoint import FAINT, MARGIN

CLIMB = 16  # hops after which the floor rises by a step: 1.2 dB a second


@dataclass
class Gate:
    """Open at first, when nothing is known of the room.

    Attributes:
        hangover: hops after one that stood out, in which there may be speech.
    """

    hangover: int
    _quiet: int = 0  # hops since one stood out
    _floor: int = 0  # level of the noise; 0: nothing was heard yet
    _climbing: int = 0  # hops above the floor since it last rose

    def push(self, level: int) -> bool:
        """Take the level of a hop, see `audio.endpoint`; whether there may be speech."""
        loud = max(level, FAINT)
        self._follow(loud)
        self._quiet = 0 if loud >= self._floor + MARGIN else min(self._quiet, self.hangover) + 1
        return self._quiet <= self.hangover

    @property
    def stands_out(self) -> bool:
        """Whether the latest hop did."""
        return self._quiet == 0

    def _follow(self, level: int) -> None:
        if not self._floor or level <= self._floor:
            self._floor, self._climbing = level, 0
            return
        self._climbing += 1
        if self._climbing == CLIMB:
            self._floor, self._climbing = self._floor + 1, 0
