# SPDX-License-Identifier: Apache-2.0
"""``myna accuracy``: a pretrained model on held-out speakers, before any enrollment."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import json_option, model_argument, require_front_end, write_json
from myna.evaluation.accuracy import ENGINES, accuracy_of
from myna.project import open_project


@click.command()
@model_argument
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="Folder <word>/<file>."
)
@click.option("--engine", type=click.Choice(sorted(ENGINES)), default="host", show_default=True)
@json_option
def accuracy(model: Path, data: Path, engine: str, json_file: Path | None) -> None:
    """Measure MODEL on the clips of speakers that training never heard."""
    require_front_end(model)
    percent, tested = accuracy_of(open_project(model), data, engine)
    result = {"model": str(model), "engine": engine, "accuracy": percent, "tested": tested}
    write_json(json_file, "accuracy", result)
    click.echo(f"{model}, {engine}: {percent:.2f} % of {tested} clips of held-out speakers")
