# SPDX-License-Identifier: Apache-2.0
"""Teach one word to a board that keeps what it has learned before."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NoReturn

from myna.audio.config import HOP, RATE
from myna.audio.endpoint import SECOND, Verdict
from myna.device import bodies as b
from myna.device import messages as m
from myna.device.results import Scored
from myna.device.session import Board
from myna.errors import MynaError
from myna.learn.examples import Progress
from myna.learn.learn import Learned
from myna.learn.recipe import Recipe
from myna.passes.memory.plan import Program
from myna.sessions.checkpoint import require_whole
from myna.sessions.confusion import Confusion, find_confusion
from myna.sessions.learning import learn_on, require_slots
from myna.sessions.owner import enroll_owner
from myna.sessions.recordings import Example, Take
from myna.sessions.undo import undoing
from myna.sessions.words import check_name, known_words, write_name

# what is wrong with a recording, and what to do
PROBLEMS = {
    Verdict.SILENT: ("is too quiet to learn from", "speak up, or move closer to the microphone"),
    Verdict.CLIPPED: ("is clipped", "lower the gain, or move away from the microphone"),
    Verdict.NO_WORD: (
        "holds no word that stands out from the noise",
        "say the word clearly, in a quieter place",
    ),
    Verdict.TWO_WORDS: ("holds two words", "say one word per recording, without other sounds"),
    Verdict.CUT_OFF: (
        "begins or ends within the word",
        "leave a short pause before and after the word",
    ),
}
SAME_TAKE = ("is the same recording as another take", "say the word anew for every take")
ANOTHER_WORD = (
    "does not sound like the other takes: it seems to say another word",
    "say the same word in every take",
)


@dataclass(frozen=True)
class Taught:
    """Accuracy over all clips that the board stores, before and after training.

    Attributes:
        before, after: of training.
        learned: what came of it.
        seconds: that training took, by this machine's clock.
    """

    before: Scored
    after: Scored
    learned: Learned
    seconds: float


def class_of(word: str, session: Board) -> int:
    """The class of a word on a board: a label's, a learned word's, or the next free one.

    Raises:
        MynaError: it cannot be a name, differs from a known one by case alone, or is new and no
            class is free.
    """
    names = known_words(session)
    if word in names:
        return names.index(word)
    check_name(word, names)
    if len(names) >= session.info.max_classes:
        raise MynaError(
            f"no class is free for {word!r}: the board knows {', '.join(names)}",
            where=session.link.name,
            fix="remove a word: `myna words --remove WORD`, or quantize with more --classes",
        )
    return len(names)


def free_slots(session: Board, count: int) -> tuple[int, ...]:
    """So many clip slots of a board that store nothing.

    Raises:
        MynaError: there are not as many.
    """
    stored = session.status().clips
    require_slots(session, count, stored)
    used = session.score().labels if stored else {}
    free = [slot for slot in range(session.info.max_clips) if slot not in used]
    return tuple(free[:count])


def send(
    session: Board, takes: Sequence[Take | Example], label: int, progress: Progress
) -> tuple[int, ...]:
    """Store takes of one class in free clip slots of a board.

    Args:
        session: with the board.
        takes: what to send; the board cuts each recording around its word.
        label: their class.
        progress: called with takes (done, total).

    Returns:
        the slots.

    Raises:
        MynaError: there are more takes than free slots, or the board finds a take unfit to learn
            from, or that one says another word (it stores none of them then); or the board failed.
    """
    slots = free_slots(session, len(takes))
    if not takes:
        return slots
    with undoing(lambda: _empty(session, slots)):
        for done, (slot, take) in enumerate(zip(slots, takes, strict=True), 1):
            if isinstance(take, Example):
                session.put_features(take.features, slot, label)
            else:
                upload(session, take, slot, label)
            # the board prepares what it learns from each take while the next one is said
            said = session.link.request(m.TAKES, b.Takes(label))
            progress(done, len(takes))
        for slot in (said.same, said.other):
            if slot in slots:
                _refuse(takes[slots.index(slot)], *SAME_TAKE)
        # how much takes agree was measured of speech, and says nothing about other features
        if said.odd in slots and isinstance(odd := takes[slots.index(said.odd)], Take):
            _refuse(odd, *ANOTHER_WORD)
    return slots


def upload(session: Board, take: Take, slot: int, label: int) -> None:
    """Send a recording, whose word a board stores in a slot, under a label.

    Raises:
        MynaError: it is unfit to learn from, and not stored.
    """
    found = session.upload_audio(take.pcm, slot, label)
    if (verdict := Verdict(found.verdict)) is not Verdict.OK:
        _refuse(take, *PROBLEMS[verdict])
    # hops; of a longer word the middle alone would be heard
    hears = max(SECOND, session.info.frames + 1)
    if found.word_length > hears:
        limit = f"{hears * HOP / RATE:g} s"
        _refuse(take, f"is longer than the {limit} that the model hears", "choose a shorter word")


def _refuse(take: Take | Example, what: str, fix: str) -> NoReturn:
    raise MynaError(what, where=str(take.path), fix=f"{fix}, and record again")


def _empty(session: Board, slots: Sequence[int]) -> None:
    for slot in slots:
        session.empty(slot)


def teach(
    session: Board,
    program: Program,
    takes: Sequence[Take | Example],
    label: int,
    word: str,
    stage: Callable[[str], AbstractContextManager[Progress]],
    *,
    vary: bool = True,
    owner: bool = False,
    warn: Callable[[Confusion], None] = lambda confusion: None,
) -> tuple[Taught, tuple[int, ...]]:
    """Let a board learn takes of one word, whole or not at all.

    What an enrollment that was cut short has left is forgotten first. If this one is, the board
    has the state and the clips from before, and so it has if known classes suffer.

    Args:
        session: with a board that runs `program`.
        program: says where the state tensors are.
        takes: what is said; none, to learn what was sent before.
        label: its class, from `class_of`.
        word: its name, which the board keeps.
        stage: around each stage of that title; what it yields is called with (done, at most).
        vary: whether clips are varied, which needs a front end.
        owner: whether it is the owner's voice that says the stored takes of the word.
        warn: told before training if the word is like a known one.

    Returns:
        what came of it, and the takes' slots.

    Raises:
        MynaError: the state is incomplete, or too many memories were lost; and as for `send` and
            `train`.
    """
    status = session.status()
    require_whole(session, status)
    classes = status.classes
    session.clear_clips(classes)
    with stage("keep the state from before") as report:
        state = session.read_state(report)
    with undoing(lambda: session.write_state(state)):
        with stage("send the takes") as report:
            slots = send(session, takes, label, report)
        with undoing(lambda: _empty(session, slots)):
            if confusion := find_confusion(session, program, slots, label):
                warn(confusion)
            with stage("train") as report:
                if label >= classes:
                    write_name(session, label, word)
                taught = train(
                    session, program, Recipe.of(whole=program.is_whole, vary=vary), report
                )
            _expect_kept(session, taught.learned, program.asked_memories)
            if owner:
                enroll_owner(session, label)
            return taught, slots


def _expect_kept(session: Board, learned: Learned, memories: int) -> None:
    if learned.forgot(memories):
        raise MynaError(
            f"learned too much at the cost of known classes: {learned.known_before} of {memories} "
            f"memories right before, {learned.known_after} after; all is as it was",
            where=session.link.name,
            fix="take a word that is less like a known one, or more and clearer takes",
        )


def train(
    session: Board, program: Program, recipe: Recipe, progress: Progress | None = None
) -> Taught:
    """Let a board learn all the clips that it stores.

    Args:
        session: with a board that runs `program`.
        program: says where the state tensors are.
        recipe: how to learn.
        progress: called with steps (done, at most).

    Raises:
        MynaError: the board failed.
    """
    before, begun = session.score(), time.monotonic()
    learned = learn_on(session, program, recipe, progress)
    seconds = time.monotonic() - begun
    return Taught(before, session.score(), learned, seconds)
