# SPDX-License-Identifier: Apache-2.0
"""``myna verify``: bit-exact check, reference against device."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from myna.commands.common import (
    board_option,
    json_option,
    model_argument,
    port_option,
    progress,
    verification_options,
    write_json,
)
from myna.engines.verify import Verifier, verify_steps
from myna.package.calibration import load_calibration
from myna.passes.pipeline import Options
from myna.project import open_project

CLIPS = 40


@click.command()
@model_argument
@board_option("host")
@port_option
@click.option("--steps", default=50, show_default=True, help="Training steps to compare.")
@verification_options
@json_option
def verify(
    model: Path,
    board: str,
    port: str | None,
    steps: int,
    chosen: Options,
    json_file: Path | None,
) -> None:
    """Train MODEL on a board and in the reference; every tensor of every step must be equal."""
    project = open_project(model, chosen)
    features, labels = load_calibration(model)
    count = min(CLIPS, project.options.clips)
    clips = list(zip(features[:count], labels[:count].tolist(), strict=True))
    with project.connect(board, port) as session, progress(f"verify on {board}") as report:
        verifier = Verifier(project.program, session, clips)
        result = verify_steps(verifier, steps, report)
    write_json(json_file, "verify", {"model": str(model), "board": board} | result.to_json())
    click.echo(
        f"{board}: {result.steps} steps, {result.compared} digests compared, "
        f"{result.differences} differences; {result.steps / result.seconds:.0f} steps a second"
    )
    if result.first is not None:
        d = result.first
        click.secho(
            f"first difference: step {d.step}, node {d.node}, tensor {d.tensor}[{d.element}]: "
            f"reference {d.expected}, device {d.found}",
            fg="red",
            err=True,
        )
        sys.exit(1)
