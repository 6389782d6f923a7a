# SPDX-License-Identifier: Apache-2.0
"""``myna bench``: instructions and bytes, counted in the emulator."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from myna.bench.count import machine_of
from myna.bench.counters import Count, total
from myna.bench.cycles import Clock
from myna.bench.measure import run
from myna.bench.result import Bench, Kernel
from myna.commands.common import (
    board_option,
    json_option,
    model_argument,
    verification_options,
    writable,
    write_json,
)
from myna.errors import MynaError
from myna.passes.pipeline import Options
from myna.report.roofline import draw_roofline

MEMORY = ("arena", "state", "buffers", "stack", "total")


class _Hertz(click.ParamType[int]):
    """A frequency: 64000000, or 64M, 64MHz, 1G."""

    name = "HZ"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """See `click.ParamType`."""
        if not (found := re.fullmatch(r"([1-9]\d{0,9}) ?([KMG]?)(HZ)?", value.upper())):
            self.fail(f"{value!r} is no frequency, like 64000000 or 64M", param, ctx)
        return int(found[1]) * {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}[found[2]]


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
    "--clock", type=_Hertz(), help="Estimate cycles and milliseconds, too, at a clock like 64M."
)
@click.option(
    "--wait-states",
    type=click.IntRange(0),
    help="With --clock: cycles for each 16 bytes of code from a flash without a cache.",
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
    clock: int | None,
    wait_states: int | None,
    plot: Path | None,
    json_file: Path | None,
) -> None:
    """Count instructions and bytes of MODEL on an emulated BOARD, exactly."""
    clocked = _clock(board, clock, wait_states)
    measured = run(model, board, chosen, enroll=enroll, clock=clocked)
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
        words = measured.words
        click.echo(
            f"listening for a word takes {measured.listening_ram:,} bytes of RAM beside the model, "
            f"each further one {words.ram:,}; there is room for {words.most}; "
            f"sounds that are or may be refused take {words.refused_ram:,}"
        )
    write_json(json_file, "bench", result)
    if plot is not None:
        draw_roofline(measured.kernels, f"kernels on {board}", plot)


def _clock(board: str, hz: int | None, wait_states: int | None) -> Clock | None:
    machine_of(board)  # it says that only emulated boards are counted
    if hz is not None:
        return Clock.of(board, hz, wait_states or 0)
    if wait_states is not None:
        raise MynaError(
            "--wait-states does nothing", where="without a clock", fix="add --clock, like 64M"
        )
    return None


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
    clock = measured.clock
    table = Table("", title=f"{measured.project.folder} on {measured.board}", title_justify="left")
    table.add_column("instructions", justify="right")
    if clock is not None:
        table.add_column(f"ms at {clock.hz / 1e6:g} MHz, estimated", justify="right")
        table.add_column("at least … at most", justify="right")
    for title, count in _sections(measured):
        estimated = _estimated(clock, count) if clock else ()
        table.add_row(title, f"{count.instructions:,}", *estimated)
    return table


def _estimated(clock: Clock, count: Count) -> tuple[str, str]:
    cycles = clock.cycles(count)
    low, likely, high = (
        1000 * value / clock.hz for value in (cycles.low, cycles.likely, cycles.high)
    )
    return f"{likely:,.1f}", f"{low:,.1f} … {high:,.1f}"


def _sections(measured: Bench) -> Iterator[tuple[str, Count]]:
    """What is counted, with its title."""
    if measured.project.package.has_front_end:
        yield "features of one second", measured.features
    infer, step = (
        total([node.count for node in nodes]) for nodes in (measured.infer, measured.train_step)
    )
    train, times = measured.project.options.train, step.instructions / infer.instructions
    yield "inference", infer
    yield f"training step (--train {train}, {times:.2f} inferences)", step
    if (enroll := measured.enroll) is not None:
        yield f"5 words × 5 takes, {enroll.epochs} passes", enroll.whole
        yield "  of these after the last take", enroll.after_last_take
        yield "first answer after one take", enroll.first_answer
    if (listening := measured.listening) is not None:
        how = f"listening for a word, per second, a decision every {listening.period_ms} ms"
        yield how, listening.second
        yield "the same without the detector", listening.without_word
        yield "the same in silence", listening.in_silence
    if measured.update is not None:
        yield "update encoded", measured.update.encode
        yield "difference applied", measured.update.apply
