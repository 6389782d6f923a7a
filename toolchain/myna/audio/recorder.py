# SPDX-License-Identifier: Apache-2.0
"""A word said to a microphone: recorded until it has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from myna.audio.config import HOP, RATE, RECORDING
from myna.audio.endpoint import SECOND, Verdict, levels, listen
from myna.audio.features import Pcm

PAUSE = RATE // 2 // HOP  # hops behind a word after which it has ended; within one, 14 may be quiet
PATIENCE = 10 * RATE  # samples in which somebody must begin


def record_word(pieces: Iterable[Pcm], show: Callable[[int], None]) -> tuple[Pcm, Verdict]:
    """Record until a word has ended, or nobody said one in time.

    Args:
        pieces: of sound, int16 [n] each.
        show: called with the level of each piece, see `endpoint.levels`.

    Returns:
        int16 [samples], four seconds at most with the word in it, and what that is worth.
    """
    pcm, heard = np.zeros(0, np.int16), 0
    for piece in pieces:
        pcm, heard = np.concatenate([pcm, piece]), heard + len(piece)
        show(int(levels(piece[-HOP:]).max(initial=0)))
        hops = len(pcm) // HOP
        if hops <= SECOND:  # whatever it is, it would be taken for a word
            continue
        word = listen(pcm)
        if word.verdict in (Verdict.SILENT, Verdict.NO_WORD):
            if heard >= PATIENCE:
                break
            pcm = pcm[-RATE:]  # the room before the word, or its beginning
        elif word.start + word.length + PAUSE <= hops or len(pcm) >= RECORDING:
            break
    pcm = pcm[:RECORDING]
    return pcm, listen(pcm).verdict
