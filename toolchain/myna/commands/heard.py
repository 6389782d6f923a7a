# SPDX-License-Identifier: Apache-2.0
"""``myna heard``: what a board took for a word lately."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import json_option, running_port_option, write_json
from myna.device.session import Board
from myna.sessions.heard import heard as kept_sounds
from myna.sessions.words import known_words


@click.command()
@running_port_option
@json_option
def heard(port: str, json_file: Path | None) -> None:
    """List the sounds that a board took for a word lately, or nearly did, the newest first.

    It keeps their features, no sound, until others come or the power goes. `myna refuse` says that
    one was no word, `myna accept` which word it was.
    """
    with Board.connect(port) as session:
        names, model = known_words(session), session.info.model
        sounds = [
            {
                "number": sound.number,
                "word": names[sound.label],
                "accepted": sound.accepted,
                "learned": sound.learned,
            }
            for sound in kept_sounds(session)
        ]
    for sound in sounds:
        how = "accepted" if sound["accepted"] else "nearly accepted"
        click.echo(
            f"{sound['number']:3} {sound['word']!r}, {how}{', learned' * bool(sound['learned'])}"
        )
    if not sounds:
        click.echo("nothing was taken for a word")
    write_json(json_file, "heard", {"model": model, "sounds": sounds})
