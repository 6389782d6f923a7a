# SPDX-License-Identifier: Apache-2.0
"""``myna undo``: take back what a board saved last."""

from __future__ import annotations

import click

from myna.commands.common import counted, running_port_option
from myna.device.session import Board
from myna.sessions.checkpoint import take_back
from myna.sessions.words import listed, read_words


@click.command()
@running_port_option
def undo(port: str) -> None:
    """Take back the last change that a board saved, with the takes: of its words, or by learning.

    A second time does it again: a board keeps what it saved last, and what it saved before that.
    """
    with Board.connect(port) as session:
        take_back(session)
        words, takes = read_words(session), session.status().clips
    click.echo(f"{port}: as before; {listed(words)}, {counted(takes, 'take')}")
