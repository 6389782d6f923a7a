# SPDX-License-Identifier: Apache-2.0
"""``myna words``: what a board knows."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import json_option, names_option, running_port_option, write_json
from myna.device import bodies as b
from myna.device import messages as m
from myna.device.session import Board
from myna.sessions.words import load_words


@click.command()
@running_port_option
@names_option
@json_option
def words(port: str, names: Path, json_file: Path | None) -> None:
    """List the words that a board knows, and how many takes of each it stores."""
    with Board.connect(port) as session:
        learned = load_words(names, session)
        known = (*session.labels, *learned)
        found = [
            {
                "class": label,
                "word": word,
                "learned": label >= len(session.labels),
                "takes": session.link.request(m.TAKES, b.Takes(label)).count,
            }
            for label, word in enumerate(known)
        ]
        room = {
            "classes": session.info.max_classes - len(known),
            "clips": session.info.max_clips - session.status().clips,
        }
    result = {"model": session.info.model, "words": found, "room": room}
    write_json(json_file, "words", result)
    for entry in found:
        origin = "" if entry["learned"] else " (built in)"
        takes = f", {entry['takes']} takes" if entry["takes"] else ""
        click.echo(f"{entry['class']:3} {entry['word']}{origin}{takes}")
    click.echo(f"room for {room['classes']} more words, {room['clips']} more takes")
