# SPDX-License-Identifier: Apache-2.0
"""Learning without labels on a board: `listening` says what it does."""

from __future__ import annotations

from collections.abc import Callable

from myna.device import bodies as b
from myna.device import messages as m
from myna.device.session import Board
from myna.learn.learn import Learned
from myna.learn.listen import Adapted, Criteria, Heard, Score, Verdict
from myna.learn.recipe import Recipe
from myna.passes.memory.plan import Program
from myna.sessions.learning import follow

UNLABELLED = 0xFFFF  # label of `Board.upload_audio` for a clip to be heard


def listen(session: Board, slot: int, criteria: Criteria) -> Heard:
    """Let a board hear the clip in a slot, which nobody labelled; it stays if the verdict is KEPT.

    Raises:
        MynaError: the slot lacks features, or the user labelled it.
    """
    request = b.Listen(slot, criteria.lowest, criteria.margin, criteria.agree, criteria.most)
    reply = session.link.request(m.LISTEN, request)
    return Heard(Verdict(reply.verdict), reply.label, reply.margin, reply.agreed)


def confirm(session: Board, slot: int, *, right: bool) -> None:
    """The user's word about a clip that the board labelled: it is his from now on, or dropped."""
    session.link.request(m.CONFIRM, b.Confirm(slot, int(right)))


def adapt(
    session: Board,
    program: Program,
    recipe: Recipe,
    progress: Callable[[int], None] | None = None,
) -> Adapted:
    """Let a board learn the clips that it stores, and undo it if it did harm.

    Args:
        session: with the board.
        program: what it runs.
        recipe: how to learn.
        progress: called with the training step reached.

    Raises:
        MynaError: there is no clip, or no room to keep the state from before.
    """
    reply = session.adapt(follow(session, program, recipe), progress)
    return Adapted(
        Learned.of(reply.imprinted, reply.worst, reply.known_before, reply.known_after),
        Score(reply.own_before, reply.guessed_before),
        Score(reply.own_after, reply.guessed_after),
        bool(reply.kept),
    )
