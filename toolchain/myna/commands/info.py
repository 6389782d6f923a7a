# SPDX-License-Identifier: Apache-2.0
"""``myna info``: what a board runs."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import json_option, running_port_option, write_json
from myna.device.session import Board
from myna.device.status import MEANINGS, Status
from myna.passes.pipeline import Options
from myna.sessions.words import read_words


@click.command()
@running_port_option
@json_option
def info(port: str, json_file: Path | None) -> None:
    """Ask a board what it runs, how that was compiled, and what it has learned."""
    with Board.connect(port) as session:
        said, status, options = session.info, session.status(), session.options()
        words = read_words(session)
    storage = Status(status.storage)
    built = Options.from_json(options, port).command_line()
    result = {
        "board": said.board,
        "model": said.model,
        "fingerprint": f"{said.fingerprint:08x}",
        "options": options,
        "labels": len(session.labels),
        "words": list(words),
        "clips": status.clips,
        "max_clips": said.max_clips,
        "steps": status.step,
        "state_bytes": said.state_bytes,
        "arena_bytes": said.arena_bytes,
        "stack_bytes": status.stack_bytes,
        "stack_high_water": status.stack_high_water,
        "frames_damaged": status.frames_damaged,
        "storage": storage.name.lower(),
    }
    saved = "what it learned is saved" if storage is Status.OK else MEANINGS[storage][0]
    for title, text in (
        ("board", f"{said.board}, {port}"),
        ("model", f"{said.model}, {result['fingerprint']}, compiled with {built}"),
        ("knows", f"{len(session.labels)} built in, learned: {', '.join(words) or 'none'}"),
        ("holds", f"{status.clips} of {said.max_clips} takes; {status.step} steps were trained"),
        (
            "memory",
            f"state {said.state_bytes}, arena {said.arena_bytes}, stack "
            f"{status.stack_high_water} of {status.stack_bytes} bytes used",
        ),
        ("storage", saved),
    ):
        click.echo(f"{title + ':':8} {text}")
    write_json(json_file, "info", result)
