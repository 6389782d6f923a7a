# SPDX-License-Identifier: Apache-2.0
"""``myna restore``: give a board what it, or another like it, has learned."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import progress, running_port_option
from myna.device.session import Board
from myna.sessions.checkpoint import FORGETS, keep, load_checkpoint, write_board
from myna.sessions.words import read_words


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@running_port_option
def restore(file: Path, port: str) -> None:
    """Write FILE, made by `myna export`, to a board that runs the same model."""
    checkpoint = load_checkpoint(file)
    with Board.connect(port) as session:
        before = read_words(session)
        with progress("write the state") as report:
            write_board(session, checkpoint, file, report)
        words = read_words(session)
        session.clear_clips(len(session.labels) + _in_common(before, words))  # of other words
        kept = keep(session)
    size = len(checkpoint.state)
    click.echo(f"{port}: {size} bytes of state, CRC {checkpoint.crc:08x}; {_listed(words)}")
    if not kept:
        click.echo(FORGETS)


def _listed(words: tuple[str, ...]) -> str:
    return f"it knows {', '.join(words)}" if words else "no word was learned"


def _in_common(some: tuple[str, ...], others: tuple[str, ...]) -> int:
    """How many words both begin with."""
    pairs = zip(some, others, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(some), len(others)))
