# SPDX-License-Identifier: Apache-2.0
"""``myna words``: what a board knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from myna.commands.common import WORD, counted, json_option, running_port_option, write_json
from myna.device import bodies as b
from myna.device import messages as m
from myna.device.session import Board
from myna.errors import MynaError
from myna.project import running
from myna.sessions.checkpoint import FORGETS, keep
from myna.sessions.words import check_name, known_words, learned_class, remove_class, write_name


@click.command()
@click.argument("model", type=click.Path(path_type=Path), required=False)
@running_port_option
@click.option("--remove", type=WORD, metavar="WORD", help="Forget a learned word, and its takes.")
@click.option(
    "--rename", type=(WORD, WORD), metavar="WORD NAME", help="Call a learned word otherwise."
)
@json_option
def words(
    model: Path | None,
    port: str,
    remove: str | None,
    rename: tuple[str, str] | None,
    json_file: Path | None,
) -> None:
    """List the words that a board knows, and how many takes of each it stores.

    To remove one, its MODEL must be at hand: the folder of what the board runs, by default the one
    of its name in models.
    """
    if remove and rename:
        raise MynaError("two things are asked for", where="words", fix="one after the other")
    if remove:
        _remove(model, port, remove)
    elif rename:
        _rename(port, *rename)
    with Board.connect(port) as session:
        result = _known(session)
    for entry in result["words"]:
        origin = "" if entry["learned"] else " (built in)"
        takes = f", {counted(entry['takes'], 'take')}" if entry["takes"] else ""
        click.echo(f"{entry['class']:3} {entry['word']}{origin}{takes}")
    room = result["room"]
    click.echo(f"room for {room['classes']} more words, {room['clips']} more takes")
    write_json(json_file, "words", result)


def _known(session: Board) -> dict[str, Any]:
    """The words of a board, and for how many more it has room."""
    known = known_words(session)
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
    return {"model": session.info.model, "words": found, "room": room}


def _remove(model: Path | None, port: str, word: str) -> None:
    with running(port, model) as (session, project):
        remove_class(session, project.program, learned_class(word, session))
        _keep(session)
    click.echo(f"{word!r} is forgotten")


def _rename(port: str, word: str, name: str) -> None:
    with Board.connect(port) as session:
        label = learned_class(word, session)
        check_name(name, [known for known in known_words(session) if known != word])
        write_name(session, label, name)
        _keep(session)
    click.echo(f"{word!r} is called {name!r}")


def _keep(session: Board) -> None:
    if not keep(session):
        click.echo(FORGETS)
