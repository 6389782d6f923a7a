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
from myna.passes.pipeline import Options
from myna.project import open_project
from myna.sessions.checkpoint import FORGETS, keep, load_checkpoint, write_board
from myna.sessions.words import save_words


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
    with project.connect("", port) as session, progress("write the state") as report:
        write_board(session, checkpoint, file, report)
        kept = keep(session)
    if checkpoint.words:
        save_words(names, checkpoint.model, checkpoint.words)
    click.echo(f"{port}: {len(checkpoint.state)} bytes of state, CRC {checkpoint.crc:08x}")
    if not kept:
        click.echo(FORGETS)
