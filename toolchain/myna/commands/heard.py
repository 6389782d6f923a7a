# SPDX-License-Identifier: Apache-2.0
"""``myna heard``: what a board took for a word lately."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import json_option, running_port_option, write_json
from myna.commands.settling import stream_option
from myna.device.session import Board
from myna.sessions.heard import Sound
from myna.sessions.heard import heard as kept_sounds
from myna.sessions.sightings import sighted
from myna.sessions.words import known_words


@click.command()
@running_port_option
@stream_option
@json_option
def heard(port: str, stream: bool, json_file: Path | None) -> None:
    """List the sounds that a board took for a word lately, or nearly did, the newest first.

    It keeps their features, no sound, until others come or the power goes. `myna refuse` says that
    one was no word, `myna accept` which word it was.

    With --stream those that were heard while it listened (`myna listen`), as directions of
    embeddings.
    """
    with Board.connect(port) as session:
        names, model = known_words(session), session.info.model
        kept = sighted(session) if stream else kept_sounds(session)
        sounds = [
            {
                "number": sound.number,
                "word": names[sound.label],
                "accepted": sound.accepted,
                "learned": isinstance(sound, Sound) and sound.learned,
            }
            for sound in kept
        ]
    for sound in sounds:
        how = "accepted" if sound["accepted"] else "nearly accepted"
        click.echo(
            f"{sound['number']:3} {sound['word']!r}, {how}{', learned' * bool(sound['learned'])}"
        )
    if not sounds:
        click.echo("nothing was taken for a word")
    write_json(json_file, "heard", {"model": model, "sounds": sounds})
