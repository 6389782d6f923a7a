# SPDX-License-Identifier: Apache-2.0
"""Recordings at the very limits of what is a word: one hop or level decides, in NumPy and in C."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

import numpy as np
import pytest
from myna.audio import endpoint, native
from myna.audio.config import HOP
from myna.audio.endpoint import SECOND, Verdict, Word
from myna.audio.features import Pcm
from support.endpoint_twin import Twin

# floor, of which the threshold is MARGIN above; a word far above both
QUIET, LOUD = 60, 150
THRESHOLD = QUIET + endpoint.MARGIN
PAUSE = [QUIET] * 40


def hop(level: int, clipped: int = 0) -> Pcm:
    """320 samples of alternating sign whose level is this, some of them at full scale."""
    low = (8 + level % 8) * 2 ** (level // 8) / 8  # of variance + 1
    variance = int(low + 2 ** (level // 8) / 16) - 1
    size = isqrt(variance)
    larger = -(HOP * (size**2 - variance) // (2 * size + 1)) // 2 * 2  # samples of size + 1
    sizes = np.where(np.arange(HOP) < larger, size + 1, size)
    sizes[:clipped] = 32767
    return np.asarray(sizes * np.where(np.arange(HOP) % 2, 1, -1), np.int16)


def sound(*parts: Sequence[int], clipped: int = 0) -> Pcm:
    """A recording of these levels; if some samples are clipped, all in its second but last hop."""
    levels = [level for part in parts for level in part]
    made = np.concatenate([hop(level) for level in levels])
    if clipped:
        made[-2 * HOP : -HOP] = hop(levels[-2], clipped)
    else:
        assert endpoint.levels(made).tolist() == levels
    return made


def word(hops: int) -> list[int]:
    return [LOUD] * hops


def at_quantile(quietest: int) -> Pcm:
    """80 hops; the floor is QUIET - 10 or QUIET, and a word's end in between the thresholds."""
    rest = 80 - quietest - 12
    return sound([QUIET - 10] * quietest, [QUIET] * rest, word(9), [THRESHOLD - 1] * 2, [QUIET])


def at_top(loudest: int) -> Pcm:
    """The threshold is RANGE below the third loudest hop: 100 or 120."""
    tail = [210 - endpoint.RANGE] * 3
    return sound([40] * 40, [220] * loudest, [200] * 9, tail, [40] * 40)


def beside(area: int) -> Pcm:
    """A word of 7 hops and an area of 70, and one of 9 hops and this area."""
    excess = LOUD - THRESHOLD
    rest = area - 8 * excess
    return sound(PAUSE, [THRESHOLD + 10] * 7, PAUSE, word(8), [THRESHOLD + rest], PAUSE)


SHORTEST, BRIDGE = endpoint.SHORTEST, endpoint.BRIDGE
PER_HOP, OK = endpoint.CLIPPED_PER_HOP, Verdict.OK
LIMITS = {
    "a word": (sound(PAUSE, word(SHORTEST), PAUSE), (OK, 40, SHORTEST)),
    "no word": (sound(PAUSE, word(SHORTEST - 1), PAUSE), (Verdict.NO_WORD, 0, 79 + SHORTEST)),
    "a recording": (sound(word(SHORTEST)), (OK, 0, SHORTEST)),
    "no recording": (sound(word(SHORTEST - 1)), (Verdict.NO_WORD, 0, SHORTEST - 1)),
    "one word": (
        sound(PAUSE, word(8), [QUIET] * BRIDGE, word(8), PAUSE),
        (OK, 40, 16 + BRIDGE),
    ),
    "two words": (
        sound(PAUSE, word(9), [QUIET] * (BRIDGE + 1), word(8), PAUSE),
        (Verdict.TWO_WORDS, 40, 9),
    ),
    "above the margin": (
        sound(PAUSE, word(8), [THRESHOLD + 1] * 2, [THRESHOLD] * 2, PAUSE),
        (OK, 40, 10),
    ),
    "above silence": (
        sound(
            [40] * 40, word(8), [48 + endpoint.MARGIN + 1] * 2, [48 + endpoint.MARGIN], [40] * 40
        ),
        (OK, 40, 10),
    ),
    "within the range": (
        sound(PAUSE, [200] * 8, [201 - endpoint.RANGE] * 2, [200 - endpoint.RANGE] * 2, PAUSE),
        (OK, 40, 10),
    ),
    "loud": (sound(PAUSE, [endpoint.QUIET] * 8, PAUSE), (OK, 40, 8)),
    "silent": (sound(PAUSE, [endpoint.QUIET - 1] * 8, PAUSE), (Verdict.SILENT, 0, 88)),
    "a contrast": (sound([100] * 80, [100 + endpoint.CONTRAST] * 8, [100]), (OK, 80, 8)),
    "no contrast": (
        sound([100] * 80, [99 + endpoint.CONTRAST] * 8, [100]),
        (Verdict.NO_WORD, 0, 89),
    ),
    "comparable": (beside(70 * endpoint.COMPARABLE), (Verdict.TWO_WORDS, 87, 9)),
    "no rival": (beside(70 * endpoint.COMPARABLE + 1), (OK, 87, 9)),
    "hardly clipped": (sound(PAUSE, word(8), [QUIET], clipped=8 * PER_HOP), (OK, 40, 8)),
    "clipped": (
        sound(PAUSE, word(8), [QUIET], clipped=8 * PER_HOP + 1),
        (Verdict.CLIPPED, 40, 8),
    ),
    "a floor below": (at_quantile(11), (OK, 68, 11)),
    "a floor": (at_quantile(10), (OK, 68, 9)),
    "two loud hops": (at_top(2), (OK, 40, 14)),
    "three loud hops": (at_top(3), (OK, 40, 12)),
    "a second": (sound(word(10), [QUIET] * (SECOND - 10)), (OK, 0, 10)),
    "more than a second": (sound(word(10), [QUIET] * (SECOND - 9)), (Verdict.CUT_OFF, 0, 10)),
    "to the end": (sound([QUIET] * (SECOND - 9), word(10)), (Verdict.CUT_OFF, SECOND - 9, 10)),
}
CONSTANTS = (
    *("SHORTEST", "BRIDGE", "FAINT", "QUIET", "CONTRAST", "MARGIN", "RANGE"),
    *("COMPARABLE", "CLIPPED_PER_HOP", "SECOND"),
)


@pytest.mark.parametrize("case", LIMITS)
def test_one_hop_or_level_decides(case: str) -> None:
    recording, expected = LIMITS[case]
    assert endpoint.listen(recording) == Word(*expected)


@pytest.mark.skipif(native.find_compiler() is None, reason="no C compiler")
def test_c_decides_alike() -> None:
    twin = Twin()
    for recording, expected in LIMITS.values():
        found, first = twin.listen(recording, 20, 64)
        assert found == Word(*expected)
        assert first == endpoint.first_frame(found, len(recording), 20)


@pytest.mark.parametrize("by", [-1, 1])
@pytest.mark.parametrize("constant", CONSTANTS)
def test_no_constant_is_without_a_case(
    constant: str, by: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, constant, getattr(endpoint, constant) + by)
    assert any(endpoint.listen(r) != Word(*expected) for r, expected in LIMITS.values())
