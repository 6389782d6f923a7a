# SPDX-License-Identifier: Apache-2.0
"""``myna accuracy``: a pretrained model on held-out speakers or examples, before enrollment."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import json_option, model_argument, write_json
from myna.evaluation.accuracy import ENGINES, accuracy_of
from myna.package.example_file import SUFFIX
from myna.project import open_project


@click.command()
@model_argument
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder <word>/<file>, or FILE.npz: features and labels, as for `myna import`.",
)
@click.option("--engine", type=click.Choice(sorted(ENGINES)), default="host", show_default=True)
@json_option
def accuracy(model: Path, data: Path, engine: str, json_file: Path | None) -> None:
    """Measure MODEL on the clips of speakers that training never heard, or on examples."""
    percent, tested = accuracy_of(open_project(model), data, engine)
    asked = {"model": str(model), "data": data.name, "engine": engine}
    what = "examples" if data.suffix == SUFFIX else "clips of held-out speakers"
    click.echo(f"{model}, {engine}: {percent:.2f} % of {tested} {what}")
    write_json(json_file, "accuracy", {**asked, "accuracy": percent, "tested": tested})
