# SPDX-License-Identifier: Apache-2.0
"""``myna flash``: put a model on a board; a virtual board is booted and stays."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import board_option, model_argument, training_options
from myna.device import ports
from myna.device.session import Board
from myna.passes.pipeline import Options
from myna.project import open_project


@click.command()
@model_argument
@board_option("qemu_m4")
@training_options
def flash(model: Path, board: str, chosen: Options) -> None:
    """Build MODEL for a board, boot it there and say where its port is."""
    project = open_project(model, chosen)
    port = ports.boot(board, project.firmware(board).elf)
    with Board.connect(str(port), fingerprint=project.fingerprint) as session:
        click.echo(f"{session.info.board} runs {session.info.model}; port {port}")
