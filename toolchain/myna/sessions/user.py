# SPDX-License-Identifier: Apache-2.0
"""A board's user, enrolled by a secret codeword that the board draws and keeps to itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from myna.device import bodies as b
from myna.device import messages as m
from myna.device.session import Board
from myna.errors import MynaError
from myna.learn.examples import Progress
from myna.learn.learn import Learned
from myna.learn.recipe import Recipe
from myna.learn.user import WARM_UP
from myna.names import CODE
from myna.passes.memory.plan import Program
from myna.sessions.checkpoint import require_whole
from myna.sessions.enroll import upload
from myna.sessions.learning import learn_on
from myna.sessions.recordings import Take
from myna.sessions.undo import undoing

USER = 0  # the label of all his takes: such a model has no classes
RECIPE = Recipe(rate=3.0, rehearsals=0)  # the rate of a federation, see federated.verification

Stage = Callable[[str], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class Enrolled:
    """What came of it.

    Attributes:
        drawn: whether a codeword was drawn; a board that has one keeps it.
        learned: of the takes that were trained with.
        trained, warm_up: how many takes were trained with, and how many set the threshold.
    """

    drawn: bool
    learned: Learned
    trained: int
    warm_up: int


def tells_user(program: Program) -> bool:
    """Whether a program tells its user by a codeword that a board draws."""
    return CODE in program.graph.tensors


def draw_codeword(session: Board) -> bool:
    """Let a board draw its user's codeword, unless it has one; returns whether it did.

    Raises:
        MynaError: it has no random numbers, or runs a model without a code.
    """
    return bool(session.link.request(m.CODEWORD_DRAW, b.CodewordDraw(again=0)).drawn)


def enroll_user(
    session: Board, program: Program, takes: Sequence[Take], wanted: int, stage: Stage
) -> Enrolled:
    """Let a board draw a codeword, learn it with most takes, and set the threshold by the others.

    The board stores no clip afterwards. If it fails, the state is as it was.

    Args:
        session: with a board that runs `program`.
        program: tells its user.
        takes: of any words, at least two; the last are not trained with.
        wanted: percent of the user's further takes that are to be accepted.
        stage: around each stage of that title; what it yields is called with (done, at most).

    Raises:
        MynaError: there are too few takes, one is unfit, or the board failed.
    """
    if len(takes) < 2:
        raise MynaError(
            "one take cannot be learned and set the threshold, too",
            where="enrollment",
            fix="record at least two, best six",
        )
    trained = len(takes) - min(WARM_UP, len(takes) // 2)
    require_whole(session, session.status())
    with stage("keep the state from before") as report:
        state = session.read_state(report)
    with undoing(session.clear_clips), undoing(lambda: session.write_state(state)):
        drawn = draw_codeword(session)
        _replace_clips(session, takes[:trained], "send the takes", stage)
        with stage("train") as report:
            learned = learn_on(session, program, RECIPE, report)
        _replace_clips(session, takes[trained:], "send the takes that set the threshold", stage)
        reply = session.link.request(m.CODEWORD_WARM_UP, b.CodewordWarmUp(wanted))
        session.clear_clips()
    return Enrolled(drawn, learned, trained, reply.takes)


def _replace_clips(session: Board, takes: Sequence[Take], title: str, stage: Stage) -> None:
    session.clear_clips()
    with stage(title) as report:
        for slot, take in enumerate(takes):
            upload(session, take, slot, USER)
            report(slot + 1, len(takes))
