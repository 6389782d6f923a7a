# SPDX-License-Identifier: Apache-2.0
"""``myna restore``: give a board what it, or another like it, has learned."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import (
    model_argument,
    names_option,
    progress,
    running_port_option,
    training_options,
)
from myna.device.session import Board
from myna.errors import MynaError
from myna.passes.pipeline import Options
from myna.project import open_project
from myna.sessions.checkpoint import FORGETS, keep, load_checkpoint, write_board
from myna.sessions.words import load_words, save_words


@click.command()
@model_argument
@click.argument("file", type=click.Path(path_type=Path))
@running_port_option
@names_option
@training_options
def restore(model: Path, file: Path, port: str, names: Path, chosen: Options) -> None:
    """Write FILE, made by `myna export`, to a board that runs MODEL."""
    checkpoint = load_checkpoint(file)
    project = open_project(model, chosen)
    with project.connect(port=port) as session, progress("write the state") as report:
        same = _in_common(_known(names, session), checkpoint.words)
        write_board(session, checkpoint, file, report)
        session.clear_clips(len(session.labels) + same)  # clips of other words than these
        kept = keep(session)
    if checkpoint.words:
        save_words(names, checkpoint.model, checkpoint.words)
    click.echo(f"{port}: {len(checkpoint.state)} bytes of state, CRC {checkpoint.crc:08x}")
    if not kept:
        click.echo(FORGETS)


def _known(names: Path, session: Board) -> tuple[str, ...]:
    """The words that a board has learned so far, as far as anyone knows."""
    try:
        return load_words(names, session)
    except MynaError:
        return ()


def _in_common(some: tuple[str, ...], others: tuple[str, ...]) -> int:
    """How many words both begin with."""
    pairs = zip(some, others, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(some), len(others)))
