# SPDX-License-Identifier: Apache-2.0
"""What a board took for a word in a stream, and what the user says that it was."""

from __future__ import annotations

from myna.device.session import Board
from myna.errors import MynaError
from myna.learn.sightings import Sighting
from myna.project import Project
from myna.sessions.stream import BoardListening
from myna.sessions.wake_words import set_threshold


def sighted(session: Board) -> tuple[Sighting, ...]:
    """What a board took for one of the words that it knows while it listened, the newest first.

    Raises:
        MynaError: it does not listen.
    """
    classes = session.status().classes
    return tuple(one for one in BoardListening(session).sightings() if one.label < classes)


def choose_sighting(session: Board, number: int | None, *, accepted: bool) -> Sighting:
    """The sound of a number; without one the latest that was an event, or nearly.

    Raises:
        MynaError: there is none, or the board does not listen.
    """
    kept = sighted(session)
    if number is None:
        wanted = [one for one in kept if one.accepted is accepted]
        which = f"that it {'' if accepted else 'nearly '}took for a word"
    else:
        wanted, which = [one for one in kept if one.number == number], f"of number {number}"
    if not wanted:
        raise MynaError(
            f"the board keeps no sound {which} while it listened",
            where=session.link.name,
            fix="myna heard --stream lists what it keeps; let it hear the sound: myna listen",
        )
    return wanted[0]


def add_sighting(session: Board, project: Project, sighting: Sighting, label: int) -> int:
    """Let a board add a sound to the template of a word, whose threshold follows.

    Args:
        session: with a board that runs `project`.
        project: what it runs.
        sighting: of `choose_sighting`.
        label: class of the word.

    Returns:
        the threshold.

    Raises:
        MynaError: the board does not listen for the word, or the model has no stored negatives.
    """
    listening = BoardListening(session)
    stored = listening.word(label)
    if stored is None:
        raise MynaError(
            "is no word that the board listens for",
            where=f"class {label}",
            fix="enroll it: myna enroll --word WORD",
        )
    listening.add(sighting.number, label)
    return set_threshold(project, listening, label, stored.rate)
