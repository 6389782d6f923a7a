# SPDX-License-Identifier: Apache-2.0
"""Whether it is the owner who says a word; twin of firmware/server/owner.c.

A word is compared with the owner's takes of the same word. His template is the sum of the
directions of their voices, so that no take counts for more than another.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from math import isqrt
from typing import Protocol

import numpy as np

from myna import fixed
from myna.ir import Array
from myna.names import OWNER, OWNER_THRESHOLD

UNIT_BITS = 15  # fraction bits of the values of a direction
LENGTH_BITS = 8  # and of a length
LARGEST = 127  # value of a template


class Verdict(IntEnum):
    """Whose word a recording is."""

    OWNER = 0
    OTHER_VOICE = 1
    NO_OWNER = 2  # nobody enrolled this word as the owner, or the model cannot tell voices
    NO_WORD = 3  # a foreign sound


class Core(Protocol):
    """What scores voices: `Reference` or `HostLibrary`."""

    def score_voice(self, features: Array) -> tuple[Array, Array]:
        """The voice of a feature map, int8 [n], and its score for each class, int32 [rows]."""

    def get_state(self, name: str) -> Array:
        """A state tensor."""

    def set_state(self, name: str, value: Array) -> None:
        """Assign a state tensor."""


def template(voices: Sequence[Array]) -> Array:
    """The owner's template of a word, int8 [n], of the voices of his takes, int8 [n] each."""
    total = np.sum([_direction(voice.astype(np.int64)) for voice in voices], axis=0)
    return fixed.divide(total * LARGEST, max(int(np.abs(total).max()), 1)).astype(np.int8)


def _direction(voice: Array) -> Array:
    length = isqrt(int(voice @ voice) << 2 * LENGTH_BITS)
    return fixed.divide(voice << (UNIT_BITS + LENGTH_BITS), max(length, 1))


def enroll(core: Core, label: int, takes: Sequence[Array]) -> None:
    """Make the owner's template of a class anew.

    Args:
        core: keeps it in its state.
        label: the class.
        takes: int8 feature maps of it, at least one.
    """
    templates = core.get_state(OWNER).copy()
    templates[label] = template([core.score_voice(take)[0] for take in takes])
    core.set_state(OWNER, templates)


def judge(core: Core, features: Array, label: int) -> tuple[Verdict, int]:
    """Whether a feature map that is taken for a class is the owner's, and its score (Q15)."""
    if not core.get_state(OWNER)[label].any():
        return Verdict.NO_OWNER, 0
    score = int(core.score_voice(features)[1][label])
    accepted = score >= int(core.get_state(OWNER_THRESHOLD)[0])
    return Verdict.OWNER if accepted else Verdict.OTHER_VOICE, score
