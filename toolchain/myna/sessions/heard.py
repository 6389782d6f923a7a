# SPDX-License-Identifier: Apache-2.0
"""What a board took for a word, and what the user says that it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from myna.audio.config import UNKNOWN, unknown_of
from myna.device import bodies as b
from myna.device import messages as m
from myna.device.results import Scored
from myna.device.session import Board
from myna.errors import MynaError
from myna.learn.examples import Progress
from myna.learn.recipe import Recipe
from myna.passes.memory.plan import Program
from myna.sessions.checkpoint import require_whole
from myna.sessions.enroll import free_slots
from myna.sessions.learning import learn_on
from myna.sessions.undo import undoing
from myna.sessions.words import known_words

NO_SLOT = 0xFFFF


@dataclass(frozen=True)
class Sound:
    """A sound that a board took for a word, or nearly.

    Attributes:
        number: by which the board knows it.
        label: class of the word.
        accepted: or nearly so.
        learned: whether the board stores it as a clip already.
    """

    number: int
    label: int
    accepted: bool
    learned: bool


@dataclass(frozen=True)
class Settled:
    """What came of telling a board what a sound was.

    Attributes:
        takes: other clips that the board stores.
        before, after: how many of them it takes for what they are.
        known_before, known_after: the same of memories.
        agrees: whether it takes the sound for what the user says now.
    """

    takes: int
    before: int
    after: int
    known_before: int
    known_after: int
    agrees: bool


def hear(session: Board, slot: int) -> b.HearReply:
    """Ask a board what the clip in a slot is, labelled or not; it notes what may be a word."""
    return session.link.request(m.HEAR, b.Hear(slot))


def heard(session: Board) -> Iterator[Sound]:
    """What a board noted, the newest first.

    Raises:
        MynaError: it has no room to note anything.
    """
    found = session.link.request(m.HEARD, b.Heard(0))
    if not found.room:
        raise MynaError(
            "the board keeps nothing of what it hears: the RAM asked for holds no more than clips",
            where=session.link.name,
            fix="build and flash it with more --ram",
        )
    classes = session.status().classes
    while found.number:
        if found.label < classes:
            learned = found.slot != NO_SLOT
            yield Sound(found.number, found.label, bool(found.accepted), learned)
        found = session.link.request(m.HEARD, b.Heard(found.number))


def choose(session: Board, number: int | None, *, accepted: bool) -> Sound:
    """The sound of a number; without one the latest that was accepted, or nearly.

    Raises:
        MynaError: there is none, or the board learns from it already.
    """
    kept = list(heard(session))
    if number is None:
        wanted = [s for s in kept if s.accepted is accepted]
        which = f"that it {'' if accepted else 'nearly '}took for a word"
    else:
        wanted, which = [s for s in kept if s.number == number], f"of number {number}"
    if not wanted:
        raise MynaError(
            f"the board keeps no sound {which}",
            where=session.link.name,
            fix="myna heard lists what it keeps; let it hear the sound first: myna recognize",
        )
    if wanted[0].learned:
        raise MynaError(
            "is learned already",
            where=f"sound {wanted[0].number}",
            fix="myna undo takes the last change back",
        )
    return wanted[0]


def foreign_class(session: Board) -> int:
    """The class of sounds that are no word the board knows.

    Raises:
        MynaError: its model has none.
    """
    label = unknown_of(session.labels)
    if label is None:
        raise MynaError(
            f"has no class {UNKNOWN!r}, as which a refused sound could be learned",
            where=f"model {session.info.model}",
            fix="train it with words that are none of its own: myna train",
        )
    return label


def settle(
    session: Board,
    program: Program,
    sound: Sound,
    label: int,
    stage: Callable[[str], AbstractContextManager[Progress]],
) -> Settled:
    """Let a board learn what a sound was, beside all clips that it stores, unless that does harm.

    Args:
        session: with a board that runs `program`.
        program: says where the state tensors are.
        sound: of `choose`.
        label: a class in use, that it was of.
        stage: around each stage of that title; what it yields is called with (done, at most).

    Raises:
        MynaError: a learned word has no take on the board, no slot is free, or it did harm: it
            knows fewer takes or many fewer memories than before. State and clips are as before.
    """
    require_whole(session, session.status())
    _require_takes(session)
    (slot,) = free_slots(session, 1)
    before = session.score()
    with stage("keep the state from before") as report:
        state = session.read_state(report)
    with undoing(lambda: session.write_state(state)), undoing(lambda: session.empty(slot)):
        session.link.request(m.HEARD_TAKE, b.HeardTake(sound.number, slot, label))
        with stage("train") as report:
            learned = learn_on(session, program, Recipe.of(whole=program.is_whole), report)
        now, found = session.score(), session.infer(slot)
        settled = Settled(
            before.total,
            before.correct,
            _others_right(now, slot, label),
            learned.known_before,
            learned.known_after,
            found.label == label,
        )
        if settled.after < settled.before or learned.forgot(program.asked_memories):
            _refuse_harm(session, settled)
    return settled


def _others_right(scored: Scored, slot: int, label: int) -> int:
    return scored.correct - (scored.labels[slot] == label)


def _require_takes(session: Board) -> None:
    """Raise a MynaError if training now would forget a learned word."""
    for label, word in enumerate(known_words(session)):
        is_learned = label >= len(session.labels)
        if is_learned and not session.link.request(m.TAKES, b.Takes(label)).count:
            raise MynaError(
                f"the board has no take of {word!r}, and would forget it while it learns",
                where=session.link.name,
                fix="enroll the word again, with takes: myna enroll",
            )


def _refuse_harm(session: Board, settled: Settled) -> None:
    raise MynaError(
        f"learning it did harm: {settled.before} of {settled.takes} takes right before, "
        f"{settled.after} after, {settled.known_before} and {settled.known_after} memories; all is "
        "as it was",
        where=session.link.name,
        fix="enroll more takes of the word that it is like: myna enroll",
    )
