# SPDX-License-Identifier: Apache-2.0
"""``myna analyze``: what a training step costs, computed from its program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from myna.analysis.memory import compare
from myna.analysis.subject import ARCHITECTURES, UNDIVIDED, subject
from myna.analysis.traffic import gradients, quantization_alone, reduction
from myna.bench.count import machine_of
from myna.bench.traffic import count_gradients, counted_reduction
from myna.commands.common import json_option, options, verification_options, write_json
from myna.errors import MynaError
from myna.passes.pipeline import Options
from myna.passes.training.select import layers_of, trained_tensors
from myna.report.timeline import draw_memory

BUILD = Path("build")
subject_options = options(
    click.argument("model", type=click.Path(path_type=Path), required=False),
    click.option(
        "--arch", type=click.Choice(list(ARCHITECTURES)), help="A published shape, not a MODEL."
    ),
)


@click.group()
def analyze() -> None:
    """Compute what a training step costs."""


@analyze.command()
@subject_options
@verification_options
@click.option("-o", "--out", type=click.Path(path_type=Path), help="PNG file of what lives when.")
@json_option
def memory(
    model: Path | None, arch: str | None, chosen: Options, out: Path | None, json_file: Path | None
) -> None:
    """Bytes of activations that a step keeps: every one stored, and as planned.

    An activation is an input or a value that does not depend on the loss.
    """
    examined = subject(model, arch)
    planned = examined.program(chosen)
    trained = trained_tensors(planned.graph)
    same = replace(chosen, train=",".join(trained), store_all=True, ram=None)
    store_all = examined.program(same)
    found = compare(store_all, planned)
    picture = out or BUILD / f"memory-{examined.name}.png"
    draw_memory(
        (("every activation stored", store_all), ("as planned", planned)),
        f"{examined.name}, {_plan(chosen)}: what lives when in a training step of {_span(trained)}",
        picture,
    )
    click.echo(f"{_plan(chosen)} trains {_span(trained)}")
    click.echo(f"{'bytes':12} {'store all':>12} {'planned':>12}")
    click.echo(
        f"{'activations':12} {found.activations_store_all:12,} {found.activations_planned:12,}"
        f"  {found.ratio:.2f} times fewer"
    )
    click.echo(f"{'arena':12} {found.arena_store_all:12,} {found.arena_planned:12,}")
    click.echo(f"picture: {picture}")
    asked = {"model": examined.source, "train": chosen.train, "ram": chosen.ram}
    result = {**asked, "trained": trained, **asdict(found), "ratio": found.ratio}
    write_json(json_file, "analyze memory", result)


def _plan(chosen: Options) -> str:
    """What was asked for."""
    limit = f" --ram {chosen.ram}" if chosen.ram else ""
    return f"--train {chosen.train}{limit}"


def _span(trained: Sequence[str]) -> str:
    """The layers that are trained, in a few words."""
    layers = layers_of(trained)
    return layers[0] if len(layers) == 1 else f"{len(layers)} layers, {layers[0]} to {layers[-1]}"


@analyze.command()
@subject_options
@click.option("--board", help="An emulated board, to count there, too, what the firmware moves.")
@json_option
def traffic(
    model: Path | None, arch: str | None, board: str | None, json_file: Path | None
) -> None:
    """Bytes moved to quantize gradients: ranges found dynamically, and in hindsight.

    Dynamic ranges write and read back 32-bit accumulators; see DESIGN.md for the formulas.
    """
    examined = subject(model, arch, group_bytes=UNDIVIDED)
    if board is not None:
        _expect_countable(model, board)
    moved = gradients(examined.program(Options(store_all=True)).graph)
    click.echo(f"{'gradient':24} {'dynamic':>12} {'hindsight':>12} {'saved':>8}")
    for one in moved:
        saved = f"{one.reduction:6.1f} %"
        click.echo(f"{one.name:24} {one.bytes_dynamic:12,} {one.bytes_hindsight:12,} {saved}")
    result = {
        "model": examined.source,
        "layers": [
            {
                "name": one.name,
                "bytes_dynamic": one.bytes_dynamic,
                "bytes_hindsight": one.bytes_hindsight,
                "bytes_twice": one.bytes_twice,
            }
            for one in moved
        ],
        "reduction_max": max(one.reduction for one in moved),
        "reduction_total": reduction(moved),
        "reduction_alone": quantization_alone(moved),
    }
    most, total, alone = (result[f"reduction_{part}"] for part in ("max", "total", "alone"))
    click.echo(f"saved: at most {most:.1f} %, in all {total:.1f} %; without operands {alone:.1f} %")
    if board is not None and model is not None:
        result |= _count(model, board)
    write_json(json_file, "analyze traffic", result)


def _expect_countable(model: Path | None, board: str) -> None:
    """Before anything is shown."""
    if model is None:
        raise MynaError("only a MODEL runs on a board", where="--board", fix="leave --arch out")
    machine_of(board)


def _count(model: Path, board: str) -> dict[str, Any]:
    """What the firmware moves, gradient by gradient; for a result."""
    counted = count_gradients(model, board)
    click.echo(f"\nloaded and stored on {board}, where dynamic ranges run each op twice:")
    for one in counted:
        saved = f"{counted_reduction([one]):6.1f} %"
        click.echo(f"{one.name:24} {one.dynamic:12,} {one.hindsight:12,} {saved}")
    click.echo(f"saved: {counted_reduction(counted):.1f} %")
    layers = [asdict(one) for one in counted]
    return {"board": board, "counted": layers, "reduction_counted": counted_reduction(counted)}
