# SPDX-License-Identifier: Apache-2.0
"""What `myna refuse` and `myna accept` do and say."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from myna.commands.common import counted, progress, write_json
from myna.device.session import Board
from myna.project import Project
from myna.sessions.checkpoint import FORGETS, keep
from myna.sessions.heard import Sound, settle
from myna.sessions.words import known_words


def say(
    command: str, session: Board, project: Project, sound: Sound, label: int, json_file: Path | None
) -> None:
    """Let a board learn that a sound was of a class, save it, and say what came of it."""
    names = known_words(session)
    settled = settle(session, project.program, sound, label, progress)
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
