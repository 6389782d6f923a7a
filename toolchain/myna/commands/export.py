# SPDX-License-Identifier: Apache-2.0
"""``myna export``: save what a board has learned."""

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
from myna.learn.checkpoint import read_board, save_checkpoint
from myna.learn.words import load_words
from myna.pipeline import Options
from myna.project import open_project


@click.command()
@model_argument
@running_port_option
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True)
@names_option
@training_options
def export(model: Path, port: str, output: Path, names: Path, chosen: Options) -> None:
    """Save the state of a board that runs MODEL, as FILE.npz; `myna restore` writes it back."""
    project = open_project(model, chosen)
    with project.connect("", port) as session, progress("read the state") as report:
        checkpoint = read_board(session, load_words(names, session), report)
    save_checkpoint(checkpoint, output)
    click.echo(
        f"{output}: {len(checkpoint.state)} bytes of state after {checkpoint.step} steps, "
        f"CRC {checkpoint.crc:08x}"
    )
