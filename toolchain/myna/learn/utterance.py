# SPDX-License-Identifier: Apache-2.0
"""Words that are said on their own, out of sound as it comes; twin of firmware/runtime/utterance.c.

An utterance begins `PREROLL` rows before the first that stands out from the noise of the room, and
ends `PAUSE` rows behind the last one, but not before a clip and an ordinary recording are complete,
nor later than the longest recording. What it is worth is told as of a recording (`audio.endpoint`),
and its clip is cut out of it in the same way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from myna.audio.config import FRAME, HOP, AudioConfig
from myna.audio.endpoint import SECOND, Word, find_word, first_frame, levels
from myna.audio.features import Pcm, extract
from myna.ir import Array
from myna.learn.gate import Gate
from myna.learn.listening import PREROLL

PAUSE = SECOND // 2  # rows: 0.5 s; pauses within a word are shorter
LONGEST = 4 * SECOND - 1  # rows
MOST_CLIPPED = 127  # samples that are counted of each row


@dataclass(frozen=True)
class Utterance:
    """What was said.

    Attributes:
        word: where the word is in it, and what it is worth.
        features: of the clip around the word, int8 [frames, coefficients].
        time: samples from the beginning until its end.
    """

    word: Word
    features: Array
    time: int


@dataclass(frozen=True)
class _Row:
    features: Array
    level: int
    clipped: int  # samples at full scale since the row before
    time: int


class Utterances:
    """Takes sound and yields utterances.

    Args:
        audio: the front end.
    """

    def __init__(self, audio: AudioConfig) -> None:
        self._audio, self._frame = audio, replace(audio, frames=1)
        self._gate, self._shortest = Gate(PAUSE), max(audio.frames, SECOND + 1)
        self._waiting: deque[_Row] = deque(maxlen=PREROLL)
        self._rows: list[_Row] = []
        self._pcm, self._samples = np.zeros(0, np.int16), 0

    def push(self, pcm: Pcm) -> Iterator[Utterance]:
        """Take int16 [samples], 16 kHz, any number of them; what has ended by then."""
        self._pcm = np.concatenate([self._pcm, pcm])
        self._samples += len(pcm)
        while len(self._pcm) >= FRAME:
            utterance = self._add(self._next_row())
            if utterance is not None:
                yield utterance

    def _next_row(self) -> _Row:
        end = self._samples - len(self._pcm) + FRAME
        new = self._pcm[:FRAME] if end == FRAME else self._pcm[FRAME - HOP : FRAME]
        clipped = min(int(np.count_nonzero((new == 32767) | (new <= -32767))), MOST_CLIPPED)
        level = int(levels(self._pcm[:HOP])[0])
        row = _Row(extract(self._frame, self._pcm[:FRAME]), level, clipped, end)
        self._pcm = self._pcm[HOP:]
        return row

    def _add(self, row: _Row) -> Utterance | None:
        speech = self._gate.push(row.level)
        if not self._rows and not self._gate.stands_out:
            self._waiting.append(row)
            return None
        if not self._rows:
            self._rows = list(self._waiting)
            self._waiting.clear()
        self._rows.append(row)
        ends = not speech and len(self._rows) >= self._shortest
        return self._end() if ends or len(self._rows) == LONGEST else None

    def _end(self) -> Utterance:
        rows, self._rows = self._rows, []
        level = np.array([row.level for row in rows], np.uint8)
        word = find_word(level, sum(row.clipped for row in rows))
        first = first_frame(word, len(rows) * HOP + FRAME - HOP, self._audio.frames)
        clip = rows[first : first + self._audio.frames]
        return Utterance(word, np.concatenate([row.features for row in clip]), rows[-1].time)
