# SPDX-License-Identifier: Apache-2.0
"""``myna build``: model -> C -> firmware."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from myna.commands.common import (
    board_option,
    model_argument,
    streaming_option,
    training_options,
)
from myna.device import pio
from myna.device.target import find_board
from myna.names import ROWS
from myna.passes.pipeline import Options
from myna.project import open_project

LARGE = 256  # bytes of a variable that is named


@click.command()
@model_argument
@board_option("qemu_m4")
@training_options
@streaming_option
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Folder for the C files, kept as it is."
)
def build(
    model: Path,
    board: str,
    chosen: Options,
    streaming: bool,
    out: Path | None,
) -> None:
    """Compile MODEL to C and build the firmware of a board."""
    find_board(board)  # before anything is written
    project = open_project(model, replace(chosen, streaming=streaming), out)
    program, used = project.program, project.options
    how = f", one-byte weights in {len(used.int8_weights)} layers" if used.int8_weights else ""
    by_rows = (
        ", inference by rows" if used.rows and ROWS in {n.name for n in program.graph.nodes} else ""
    )
    memories = len(program.replay.labels)
    made = {"classify": f"{project.package.rows} classes", "codeword": "a user's codeword"}
    makes = made.get(project.package.model.model.loss, "a reconstruction")
    makes += f", rehearses {memories} examples" if memories else ""
    click.echo(f"trains:   {used.train}{how}{by_rows}; {used.clips} clips, {makes}")
    click.echo(f"C code:   {project.generated}")
    click.echo(
        f"arena:    {program.arena_bytes} bytes (lower bound {program.arena_lower_bound}), "
        f"state {program.state_bytes} bytes"
    )
    if (step := project.streaming) is not None:
        click.echo(
            f"stream:   {step.state_bytes} bytes are kept, {step.arena.size} of values; "
            f"{step.period} rows a step, {step.delay} behind the window"
        )
    firmware = project.firmware(board)
    click.echo(f"firmware: {firmware.elf}")
    click.echo(f"board:    {board}, RAM {firmware.ram_bytes}, flash {firmware.flash_bytes} bytes")
    sizes = pio.variables(board, firmware)
    shown = [f"{name} {size}" for name, size in sizes.items() if size >= LARGE]
    rest = sum(size for size in sizes.values() if size < LARGE)
    click.echo(f"          of it {', '.join(shown)}, others {rest}, stack {firmware.stack_bytes}")
