# SPDX-License-Identifier: Apache-2.0
"""What `myna refuse` and `myna accept` do and say."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

import click

from myna.commands.common import counted, progress, write_json
from myna.device.session import Board
from myna.errors import MynaError
from myna.learn.sightings import Sighting
from myna.project import Project
from myna.sessions.checkpoint import FORGETS, keep
from myna.sessions.confusion import Confusion
from myna.sessions.heard import Sound, settle
from myna.sessions.wake_words import follow_learning
from myna.sessions.words import known_words

stream_option = click.option(
    "--stream", is_flag=True, help="What it heard while it listened: `myna listen`."
)


def say_stream(
    command: str, session: Board, sighting: Sighting, word: str | None, json_file: Path | None
) -> None:
    """Save what a user said of a sound in a stream, and say so; no word: it was none."""
    heard_as = known_words(session)[sighting.label]
    saved = keep(session)
    now = "is no word" if word is None else f"belongs to {word!r}"
    click.echo(f"sound {sighting.number}, taken for {heard_as!r}, {now} from now on")
    if not saved:
        click.echo(FORGETS)
    result = {
        "model": session.info.model,
        "stream": True,
        "number": sighting.number,
        "heard_as": heard_as,
        "word": word,
        "saved": saved,
    }
    write_json(json_file, command, result)


def say_deaf(problem: MynaError | None, word: str) -> None:
    """Warn that a board recognizes a word, but does not listen for it."""
    if problem is not None:
        click.echo(f"warning: the board does not listen for {word!r}: {problem}", err=True)


def say(
    command: str, session: Board, project: Project, sound: Sound, label: int, json_file: Path | None
) -> None:
    """Let a board learn that a sound was of a class, save it, and say what came of it."""
    names = known_words(session)
    settled = settle(session, project.program, sound, label, progress)
    say_deaf(follow_learning(session, project, label, None), names[label])
    saved = keep(session)
    click.echo(
        f"sound {sound.number}, taken for {names[sound.label]!r}, is learned as {names[label]!r}; "
        f"of {counted(settled.takes, 'other take')} {settled.before} right before, {settled.after} "
        f"after; of memories {settled.known_before} and {settled.known_after}"
    )
    if not settled.agrees:
        click.echo(f"warning: it is not taken for {names[label]!r} even now", err=True)
    if not saved:
        click.echo(FORGETS)
    result = {
        "model": session.info.model,
        "number": sound.number,
        "heard_as": names[sound.label],
        "word": names[label],
        **asdict(settled),
        "saved": saved,
    }
    write_json(json_file, command, result)


@dataclass
class ConfusionWarning:
    """Says before training that a word is like known ones.

    Attributes:
        word: that is enrolled.
        words: that it is like, and by how many takes.
    """

    word: str
    words: dict[str, int] = field(default_factory=dict)

    def say(self, confusion: Confusion) -> None:
        """What was found of the takes at hand."""
        self.words |= confusion.words
        known, takes = next(iter(confusion.words.items()))
        click.echo(
            f"warning: {takes} of {counted(confusion.takes, 'take')} of {self.word!r} are as much "
            f"like {known!r} as its own: the two may be confused; a word that sounds less alike is "
            "safer",
            err=True,
        )
