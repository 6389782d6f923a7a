# SPDX-License-Identifier: Apache-2.0
"""A scene as a board hears it, which is compared with what the C core in this process hears."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from myna.audio import endpoint, native
from myna.audio.config import RATE
from myna.audio.features import Pcm
from myna.device.session import Board
from myna.errors import MynaError
from myna.evaluation.scene import REFRACTORY
from myna.learn.examples import Examples
from myna.project import Project
from myna.sessions.learning import store_examples
from myna.sessions.stream import BoardListening
from myna.sessions.wake_words import threshold_for

PIECE = RATE  # samples that are heard between two comparisons


def hear_on_board(
    session: Board, project: Project, takes: Sequence[Pcm], rate: float, pcm: Pcm
) -> list[int]:
    """When a board hears a word, in samples, the core never resting.

    Its template is made of the takes as a board keeps them, one second around the word.

    Args:
        session: with a board whose firmware was built with `--streaming`; it loses its clips.
        project: what it runs.
        takes: recordings of the word, int16 [samples] each.
        rate: wanted false accepts per hour, for which the threshold is set by stored negatives.
        pcm: what it hears, int16 [samples].

    Raises:
        MynaError: the takes do not fit the board, it fails, or it and the C core in this process
            differ.
    """
    audio, label = project.package.front_end, len(project.package.labels)
    clips = native.extract(audio, np.array([endpoint.cut(audio, take) for take in takes]))
    core, board = project.library().listening(), BoardListening(session)
    store_examples(session, Examples(clips, np.full(len(clips), label, np.int64)))
    board.make_template(label)
    core.make_template(label, list(clips))
    threshold = threshold_for(project, core, label, rate)
    board.set_threshold(label, threshold, rate)
    core.set_threshold(label, threshold)
    for one in (board, core):
        one.begin(gated=False, refractory=REFRACTORY)
    found: list[int] = []
    for at in range(0, len(pcm), PIECE):
        piece = pcm[at : at + PIECE]
        heard = board.push(piece)
        if heard != core.push(piece):
            raise MynaError(
                f"in second {at // RATE} the board and this process heard something else",
                where=f"board {session.info.board}",
                fix="check its port with `myna verify`",
            )
        found += [event.time for event in heard.events]
    board.end()
    return found
