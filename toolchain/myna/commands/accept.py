# SPDX-License-Identifier: Apache-2.0
"""``myna accept``: tell a board which word it heard."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import WORD, json_option, running_port_option
from myna.commands.settling import say, say_stream, stream_option
from myna.errors import MynaError
from myna.learn.sightings import Sighting
from myna.project import running
from myna.sessions.heard import choose
from myna.sessions.sightings import add_sighting, choose_sighting
from myna.sessions.words import known_words


@click.command()
@click.argument("number", type=click.IntRange(1), required=False)
@running_port_option
@stream_option
@click.option("--word", type=WORD, help="What it was; absent: what it was nearly taken for.")
@click.option("--model", type=click.Path(path_type=Path), help="The folder of what it runs.")
@json_option
def accept(
    number: int | None,
    port: str,
    stream: bool,
    word: str | None,
    model: Path | None,
    json_file: Path | None,
) -> None:
    """Tell a board which word it heard: sound NUMBER of `myna heard`.

    Without a number it is the latest that the board nearly accepted. It becomes a take of the word,
    unless the board then knows its other takes less well. `myna undo` takes it back.

    With --stream it is a sound of `myna heard --stream`, of which the word's template is made then,
    too, as of one more take; its threshold follows.
    """
    with running(port, model) as (session, project):
        of = choose_sighting if stream else choose
        sound, names = of(session, number, accepted=False), known_words(session)
        if word is not None and word not in names:
            raise MynaError(
                "is no word that the board knows", where=repr(word), fix="myna words lists them"
            )
        label = sound.label if word is None else names.index(word)
        if isinstance(sound, Sighting):
            add_sighting(session, project, sound, label)
            say_stream("accept", session, sound, names[label], json_file)
            return
        say("accept", session, project, sound, label, json_file)
