# SPDX-License-Identifier: Apache-2.0
"""Takes of a word that are said to a microphone, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console
from rich.live import Live

from myna.audio.endpoint import Verdict
from myna.audio.microphone import Source
from myna.audio.recorder import record_word
from myna.commands.common import options, progress
from myna.commands.settling import say_deaf
from myna.commands.view import REFRESH, level_bar
from myna.device.session import Board
from myna.errors import MynaError
from myna.project import Project
from myna.sessions import enroll as enrollment
from myna.sessions.checkpoint import keep
from myna.sessions.confusion import Confusion
from myna.sessions.enroll import PROBLEMS, Taught
from myna.sessions.recordings import Take
from myna.sessions.wake_words import follow_learning

TRIES = 5  # of one take
Made = TypeVar("Made")

microphone_options = options(
    click.option("--mic", is_flag=True, help="Say the takes to a microphone."),
    click.option("--device", help="Of --mic: number or name; absent: the system's default."),
    click.option(
        "--takes",
        type=click.IntRange(1),
        default=5,
        show_default=True,
        help="Of --mic: how often the word is said.",
    ),
)


@dataclass(frozen=True)
class Prompter:
    """Asks for takes, and asks again for those that are of no use. No sound is written anywhere.

    Attributes:
        source: a microphone.
        said: what to say.
        count: of takes.
    """

    source: Source
    said: str
    count: int

    def takes(self) -> list[Take]:
        """All of them, of which nothing is made yet; errors as of `take`."""
        return [self.take(number, lambda take: take) for number in range(1, self.count + 1)]

    def take(self, number: int, use: Callable[[Take], Made]) -> Made:
        """What is made of a take.

        Args:
            number: of the take, from 1 on.
            use: what makes it; a MynaError about the take itself asks for another one.

        Raises:
            MynaError: none of `TRIES` was of use; the microphone failed; or `use` did.
        """
        where = Path(f"take {number}")
        for _ in range(TRIES):
            click.echo(f"say {self.said} ({number} of {self.count})")
            with closing(self.source.pieces()) as pieces, _meter() as show:
                pcm, verdict = record_word(pieces, show)
            try:
                if verdict is not Verdict.OK:
                    what, fix = PROBLEMS[verdict]
                    raise MynaError(what, where=str(where), fix=fix)
                return use(Take(where, pcm))
            except MynaError as error:
                if error.where != str(where):
                    raise
                click.echo(f"once more: it {error.what}; {error.fix}", err=True)
        raise MynaError(
            f"{TRIES} times in a row it was of no use",
            where=str(where),
            fix="check the microphone and the room, or enroll recordings: --wav FILE",
        )


def teach_by_microphone(
    session: Board,
    project: Project,
    prompter: Prompter,
    label: int,
    word: str,
    *,
    owner: bool,
    rate: float | None,
    warn: Callable[[Confusion], None],
) -> tuple[Taught, tuple[int, ...]]:
    """Let a board learn a word while it is said: the first take at once, the others after the last.

    Each take is stored as soon as it is said, so that the board prepares what it learns from it
    while the next one is said. Interrupted, it keeps those that it has.

    Args:
        session: with a board that runs `project`.
        project: what it runs.
        prompter: asks for the takes.
        label: the word's class.
        word: its name.
        owner: see `sessions.enroll.teach`.
        rate: wanted false accepts per hour, by a board that listens.
        warn: see `sessions.enroll.teach`.

    Returns:
        what came of it, and the takes' slots.

    Raises:
        MynaError: as for `Prompter.take` and `sessions.enroll.teach`.
    """

    def teach(takes: Sequence[Take]) -> tuple[Taught, tuple[int, ...]]:
        return enrollment.teach(
            session, project.program, takes, label, word, progress, owner=owner, warn=warn
        )

    slots: tuple[int, ...] = ()
    try:
        taught, slots = prompter.take(1, lambda take: teach([take]))
        if prompter.count == 1:
            return taught, slots
        say_deaf(follow_learning(session, project, label, rate), word)
        keep(session)
        click.echo(f"{word!r} can be used: ready in {taught.seconds:.1f} s")
        for number in range(2, prompter.count + 1):
            slots += prompter.take(
                number,
                lambda take: enrollment.send(session, [take], label, lambda done, total: None),
            )
        return teach([])[0], slots
    except KeyboardInterrupt:
        click.echo(_left(word, len(slots)), err=True)
        raise


def _left(word: str, takes: int) -> str:
    """What an interruption leaves."""
    if not takes:
        return f"interrupted: nothing of {word!r} was learned, and all is as it was"
    return (
        f"interrupted: the board knows {word!r} by its first take, and stores {takes} of them; "
        "say more to go on: myna enroll"
    )


@contextmanager
def _meter() -> Iterator[Callable[[int], None]]:
    """A level meter on a terminal, which goes when the take is made."""
    console = Console()
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda level: None
        return
    with Live(console=console, refresh_per_second=REFRESH, transient=True) as live:
        yield lambda level: live.update(level_bar(level))
