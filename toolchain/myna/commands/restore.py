# SPDX-License-Identifier: Apache-2.0
"""``myna restore``: give a board what it, or another like it, has learned."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import counted, progress, running_port_option
from myna.device.session import Board
from myna.learn.examples import Progress
from myna.sessions.checkpoint import FORGETS, Checkpoint, keep, load_checkpoint, write_board
from myna.sessions.undo import undoing
from myna.sessions.words import listed, read_words


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@running_port_option
def restore(file: Path, port: str) -> None:
    """Write FILE, made by `myna export`, to a board that runs the same model."""
    checkpoint = load_checkpoint(file)
    with Board.connect(port) as session:
        takes = session.status().clips
        with progress("write the state") as report:
            words = _exchange(session, checkpoint, file, report)
        kept = keep(session)
        takes -= session.status().clips
    size = len(checkpoint.state)
    click.echo(f"{port}: {size} bytes of state, CRC {checkpoint.crc:08x}; {listed(words)}")
    if takes:
        click.echo(f"{counted(takes, 'take')} of other words forgotten")
    if not kept:
        click.echo(FORGETS)


def _exchange(
    session: Board, checkpoint: Checkpoint, file: Path, report: Progress
) -> tuple[str, ...]:
    """Give a board the state of a checkpoint, whole or not at all; the words that it knows then."""
    is_whole = not session.status().state_incomplete
    before, words = (session.read_state(), read_words(session)) if is_whole else (None, ())
    with undoing(lambda: session.write_state(before) if before else None):
        write_board(session, checkpoint, file, report)
        now = read_words(session)
        session.clear_clips(len(session.labels) + _in_common(words, now))  # of other words
    return now


def _in_common(some: tuple[str, ...], others: tuple[str, ...]) -> int:
    """How many words both begin with."""
    pairs = zip(some, others, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(some), len(others)))
