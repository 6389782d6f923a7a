# SPDX-License-Identifier: Apache-2.0
"""Where the word is in a recording, and whether it is fit to learn from.

The specification that firmware/audio/endpoint.c repeats to the bit. A hop is 320 samples (20 ms),
as from one frame of features to the next; frame t starts where hop t starts. A level is a
logarithm of power in eighths of an octave, 0.376 dB.

1. Level of each complete hop, x its samples:
       v = (320·Σx² − (Σx)²) div 320² + 1      (its variance; ≤ 2^30 + 1)
       e = index of v's highest set bit,  level = 8·e + the 3 bits below it      (0 … 247)
   Of fewer than SHORTEST hops, the verdict is NO_WORD.
2. Contrast. With the n levels in ascending order s: floor = max(s[n div 8], FAINT), top = s[n − 3].
   If top < QUIET or top < floor + CONTRAST, nothing stands out and all hops are the word, as in a
   recording cut to its word.
3. Bursts. threshold = max(floor + MARGIN, top − RANGE). A hop is active if its level is above; a
   burst goes from one active hop to another with no more than BRIDGE inactive ones in a row.
   Bursts of fewer than SHORTEST active hops are dropped. A burst's area is the sum of
   level − threshold over its active hops. The burst of largest area (the first of equals) is the
   word; without one, it is NO_WORD.
4. Verdict, the first that applies:
       CLIPPED    more than CLIPPED_PER_HOP · length samples of the recording have a magnitude of
                  32767 or more
       SILENT     top < QUIET
       NO_WORD    nothing stands out of a recording of more than SECOND hops
       TWO_WORDS  another burst has at least 1/COMPARABLE of the word's area
       CUT_OFF    the word touches an end of a recording of more than SECOND hops
       OK
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from myna.audio.config import FRAME, HOP, RATE, AudioConfig
from myna.audio.features import Pcm

Levels = npt.NDArray[np.uint8]
SECOND = RATE // HOP  # hops; a recording no longer is a clip already
SHORTEST = 7  # active hops of a word: 0.14 s
BRIDGE = 14  # inactive hops within a word: 0.28 s, twice the closure of a stop
FAINT = 48  # no floor is lower: rustle of 8 units
QUIET = 96  # below, nobody can be understood: -54 dB of full scale
CONTRAST = 32  # 12 dB between the floor and what stands out
MARGIN = 24  # 9 dB between the floor and the word's faintest hop
RANGE = 100  # 38 dB between the word's faintest hop and its loudest
COMPARABLE = 8  # the area of a word and of a sound that may be another one
CLIPPED_PER_HOP = 10  # 3 % of the samples


class Verdict(IntEnum):
    """What a recording is worth, on the line as well."""

    OK = 0
    SILENT = 1
    CLIPPED = 2
    NO_WORD = 3
    TWO_WORDS = 4
    CUT_OFF = 5


@dataclass(frozen=True)
class Word:
    """A verdict, and the hops of the word; where none was found, all hops."""

    verdict: Verdict
    start: int
    length: int


def listen(pcm: Pcm) -> Word:
    """Find the word in a recording, int16 [samples]."""
    clipped = np.count_nonzero((pcm == 32767) | (pcm <= -32767))
    return find_word(levels(pcm), int(clipped))


def levels(pcm: Pcm) -> Levels:
    """Step 1: int16 [samples] → uint8 [samples // 320]."""
    hops = pcm[: len(pcm) // HOP * HOP].astype(np.int64).reshape(-1, HOP)
    variance = (HOP * (hops**2).sum(1) - hops.sum(1) ** 2) // HOP**2 + 1
    exponent = np.frexp(variance.astype(np.float64))[1].astype(np.int64) - 1  # exact below 2^53
    return np.asarray(8 * exponent + ((variance << 3 >> exponent) & 7), np.uint8)


def find_word(level: Levels, clipped: int) -> Word:
    """Steps 2 to 4.

    Args:
        level: uint8 [hops].
        clipped: samples at full scale in the whole recording.
    """
    hops = len(level)
    if hops < SHORTEST:
        return Word(Verdict.NO_WORD, 0, hops)
    ascending = np.sort(level).astype(int)
    floor, top = max(ascending[hops // 8], FAINT), ascending[hops - 3]
    flat, is_long = top < max(floor + CONTRAST, QUIET), hops > SECOND
    threshold = max(floor + MARGIN, top - RANGE)
    bursts = [_Burst(0, hops)] if flat else _bursts(level.astype(int) - threshold)
    if not bursts:
        return Word(Verdict.NO_WORD, 0, hops)
    word = max(bursts, key=lambda burst: burst.area)
    length = word.end - word.start
    verdict = Verdict.OK
    if clipped > CLIPPED_PER_HOP * length:
        verdict = Verdict.CLIPPED
    elif top < QUIET:
        verdict = Verdict.SILENT
    elif flat and is_long:
        verdict = Verdict.NO_WORD
    elif sum(COMPARABLE * burst.area >= word.area for burst in bursts) > 1:
        verdict = Verdict.TWO_WORDS
    elif is_long and (word.start == 0 or word.end == hops):
        verdict = Verdict.CUT_OFF
    return Word(verdict, word.start, length)


@dataclass
class _Burst:
    start: int
    end: int
    active: int = 0
    area: int = 0


def _bursts(excess: npt.NDArray[np.int_]) -> list[_Burst]:
    """Step 3, of level − threshold."""
    bursts: list[_Burst] = []
    for hop in np.flatnonzero(excess > 0).tolist():
        if not bursts or hop - bursts[-1].end > BRIDGE:
            bursts.append(_Burst(hop, hop))
        burst = bursts[-1]
        burst.end, burst.active = hop + 1, burst.active + 1
        burst.area += int(excess[hop])
    return [burst for burst in bursts if burst.active >= SHORTEST]


def first_frame(word: Word, samples: int, frames: int) -> int:
    """Where the clip starts in a recording: the word in its middle, inside the recording.

    Args:
        word: from `listen`.
        samples: of the recording; one of at most SECOND hops is taken from its start.
        frames: of the clip.

    Returns:
        the first frame, (start + length/2 − frames/2) rounded down, but at least 0 and at most the
        recording's frames − `frames`.
    """
    room = max((samples - FRAME) // HOP + 1 - frames, 0)
    if samples // HOP <= SECOND:
        return 0
    return min(max((2 * word.start + word.length - frames) // 2, 0), room)


def cut(config: AudioConfig, pcm: Pcm) -> Pcm:
    """The part of a recording that a board takes as the clip: int16 [config.samples]."""
    start = HOP * first_frame(listen(pcm), len(pcm), config.frames)
    clip = pcm[start : start + config.samples]
    return np.pad(clip, (0, config.samples - len(clip)))
