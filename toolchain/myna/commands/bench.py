# SPDX-License-Identifier: Apache-2.0
"""``myna bench``: instructions and bytes, counted in the emulator."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from myna.bench.measure import Bench, Kernel, run
from myna.commands.common import (
    board_option,
    json_option,
    model_argument,
    verification_options,
    writable,
    write_json,
)
from myna.passes.pipeline import Options
from myna.report.roofline import draw_roofline

MEMORY = ("arena", "state", "buffers", "stack", "total")


@click.command()
@model_argument
@board_option("qemu_m4")
@verification_options
@click.option("--nodes", is_flag=True, help="List every node of the training step.")
@click.option(
    "--enroll/--no-enroll",
    default=True,
    show_default=True,
    help="Count an enrollment of 5 words × 5 takes; with --train all it takes minutes.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=writable,
    help="PNG to draw.",
)
@json_option
def bench(
    model: Path,
    board: str,
    chosen: Options,
    nodes: bool,
    enroll: bool,
    plot: Path | None,
    json_file: Path | None,
) -> None:
    """Count instructions and bytes of MODEL on an emulated BOARD, exactly."""
    measured = run(model, board, chosen, enroll=enroll)
    result = measured.to_json()
    if nodes:
        result["nodes"] = [kernel.to_json() for kernel in measured.train_step]
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(_table("kernels", measured.kernels))
    if nodes:
        console.print(_table("training step", measured.train_step))
    console.print(_summary(measured))
    ram, flash = result["ram"], result["flash"]
    click.echo(
        f"RAM:   {', '.join(f'{name} {ram[name]:,}' for name in MEMORY)} bytes "
        f"(arena's lower bound {ram['arena_lower_bound']:,})"
    )
    click.echo(f"flash: {', '.join(f'{name} {size:,}' for name, size in flash.items())} bytes")
    if measured.listening is not None:
        click.echo(f"listening takes {measured.listening.ram:,} bytes of RAM beside the model's")
    write_json(json_file, "bench", result)
    if plot is not None:
        draw_roofline(measured.kernels, f"kernels on {board}", plot)


def _table(title: str, kernels: Sequence[Kernel]) -> Table:
    table = Table("", "output", title=title, title_justify="left")
    for heading in ("MACs", "instructions", "per MAC", "loaded", "stored", "stack"):
        table.add_column(heading, justify="right")
    for kernel in kernels:
        count = kernel.count
        table.add_row(
            kernel.name,
            "×".join(map(str, kernel.shape)),
            f"{kernel.macs:,}" if kernel.macs else "",
            f"{count.instructions:,}",
            f"{count.instructions / kernel.macs:.3f}" if kernel.macs else "",
            f"{count.loaded:,}",
            f"{count.stored:,}",
            f"{count.stack:,}",
        )
    return table


def _summary(measured: Bench) -> Table:
    table = Table("", title=f"{measured.project.folder} on {measured.board}", title_justify="left")
    table.add_column("instructions", justify="right")
    if measured.project.package.has_front_end:
        table.add_row("features of one second", f"{measured.features.instructions:,}")
    sums = [
        sum(node.count.instructions for node in nodes)
        for nodes in (measured.infer, measured.train_step)
    ]
    table.add_row("inference", f"{sums[0]:,}")
    train = measured.project.options.train
    table.add_row(f"training step (--train {train})", f"{sums[1]:,} ({sums[1] / sums[0]:.2f}×)")
    if measured.enroll is not None:
        passes = f"{measured.enroll.epochs} passes"
        table.add_row(f"5 words × 5 takes, {passes}", f"{measured.enroll.instructions:,}")
        rest, first = (
            measured.enroll.instructions_after_last_take,
            measured.enroll.instructions_first_answer,
        )
        table.add_row("  of these after the last take", f"{rest:,}")
        table.add_row("first answer after one take", f"{first:,}")
    if (listening := measured.listening) is not None:
        how = f"listening, per second, a decision every {listening.period_ms} ms"
        table.add_row(how, f"{listening.instructions_per_second:,}")
    if measured.update is not None:
        table.add_row("update encoded", f"{measured.update.encode.instructions:,}")
        table.add_row("difference applied", f"{measured.update.apply.instructions:,}")
    return table
