# SPDX-License-Identifier: Apache-2.0
"""``myna reset``: let a board forget what it has learned."""

from __future__ import annotations

import click

from myna.commands.common import running_port_option
from myna.device.session import Board
from myna.device.status import Status


@click.command()
@running_port_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(port: str, yes: bool) -> None:
    """Let a board forget all words and takes, also those that it has saved: as it was flashed."""
    with Board.connect(port) as session:
        status = session.status()
        words = status.classes - len(session.labels) if session.labels else 0
        if not yes:
            what = f"{words} learned words and {status.clips} clips"
            click.confirm(f"{session.info.model} on {port}: forget {what}?", abort=True)
        session.clear_clips()
        session.reset_state()
        if Status(status.storage) is not Status.NO_STORAGE:
            session.forget_state()
    click.echo(f"{port}: {session.info.model}, as it was flashed")
