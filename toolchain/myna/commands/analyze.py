# SPDX-License-Identifier: Apache-2.0
"""``myna analyze``: what a training step costs, computed from its program."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import click

from myna.analysis.memory import compare
from myna.analysis.subject import ARCHITECTURES, subject
from myna.commands.common import json_option, options, write_json
from myna.passes.select import HELP
from myna.pipeline import Options
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
@click.option("--train", default="all", show_default=True, help=HELP)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="PNG file of what lives when.")
@json_option
def memory(
    model: Path | None, arch: str | None, train: str, out: Path | None, json_file: Path | None
) -> None:
    """Bytes of activations that a step keeps: every one stored, and as planned.

    An activation is an input or a value that does not depend on the loss.
    """
    examined = subject(model, arch)
    choice = Options(train=train)
    store_all = examined.program(replace(choice, store_all=True))
    planned = examined.program(choice)
    found = compare(store_all, planned)
    picture = out or BUILD / f"memory-{examined.name}.png"
    draw_memory(
        (("every activation stored", store_all), ("as planned", planned)),
        f"{examined.name}, --train {train}: what lives when in a training step",
        picture,
    )
    click.echo(f"{'bytes':12} {'store all':>12} {'planned':>12}")
    click.echo(
        f"{'activations':12} {found.activations_store_all:12,} {found.activations_planned:12,}"
        f"  {found.ratio:.2f} times fewer"
    )
    click.echo(f"{'arena':12} {found.arena_store_all:12,} {found.arena_planned:12,}")
    click.echo(f"picture: {picture}")
    result = {"model": examined.source, "train": train, **asdict(found), "ratio": found.ratio}
    write_json(json_file, "analyze memory", result)
