# SPDX-License-Identifier: Apache-2.0
"""``myna refuse``: tell a board that what it heard was no word."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import json_option, running_port_option
from myna.commands.settling import say, say_stream, stream_option
from myna.device.session import Board
from myna.project import running
from myna.sessions.heard import choose, foreign_class
from myna.sessions.sightings import choose_sighting
from myna.sessions.stream import BoardListening


@click.command()
@click.argument("number", type=click.IntRange(1), required=False)
@running_port_option
@stream_option
@click.option("--model", type=click.Path(path_type=Path), help="The folder of what it runs.")
@json_option
def refuse(
    number: int | None, port: str, stream: bool, model: Path | None, json_file: Path | None
) -> None:
    """Tell a board that what it took for a word was none: sound NUMBER of `myna heard`.

    Without a number it is the latest that the board accepted. The board learns it as a foreign
    sound, beside all its takes, unless it then knows these less well. `myna undo` takes it back.

    With --stream it is a sound of `myna heard --stream`: from then on what is more like it than
    like the word is no event. The latest four refused sounds are kept.
    """
    if stream:
        with Board.connect(port) as session:
            sighting = choose_sighting(session, number, accepted=True)
            BoardListening(session).refuse(sighting.number)
            say_stream("refuse", session, sighting, None, json_file)
        return
    with running(port, model) as (session, project):
        sound = choose(session, number, accepted=True)
        say("refuse", session, project, sound, foreign_class(session), json_file)
