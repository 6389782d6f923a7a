# SPDX-License-Identifier: Apache-2.0
"""``myna build``: model -> C -> firmware."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import board_option, make_options, model_argument, training_options
from myna.errors import MynaError
from myna.project import Project, open_project


@click.command()
@model_argument
@board_option("qemu_m4")
@training_options
@click.option("--ram", type=int, help="Fail if arena and state need more bytes than this.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Folder for the C files, kept as it is."
)
def build(
    model: Path,
    board: str,
    train: str,
    ranges: str,
    store_all: bool,
    ram: int | None,
    out: Path | None,
) -> None:
    """Compile MODEL to C and build the firmware of a board."""
    project = open_project(model, make_options(train, ranges, store_all), out)
    check_ram(project, ram)
    program = project.program
    click.echo(f"C code:   {project.generated}")
    click.echo(
        f"arena:    {program.arena_bytes} bytes (lower bound {program.arena_lower_bound}), "
        f"state {program.state_bytes} bytes"
    )
    firmware = project.firmware(board)
    click.echo(f"firmware: {firmware.elf}")
    click.echo(f"board:    {board}, RAM {firmware.ram_bytes}, flash {firmware.flash_bytes} bytes")


def check_ram(project: Project, limit: int | None) -> None:
    """Raise a MynaError if arena and state exceed a budget in bytes."""
    needed = project.program.arena_bytes + project.program.state_bytes
    if limit is not None and needed > limit:
        raise MynaError(
            f"arena and state need {needed} bytes, more than {limit}",
            where=f"model {project.program.graph.name}",
            fix="train less: --train last-2, --train bias or --train head",
        )
