# SPDX-License-Identifier: Apache-2.0
"""``myna quantize``: the int8 form of a trained model."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import model_argument
from myna.ops.loss import MAX_CLASSES
from myna.package.package import CLASSES, quantize_folder


@click.command()
@model_argument
@click.option(
    "--classes",
    type=click.IntRange(1, MAX_CLASSES),
    default=CLASSES,
    show_default=True,
    help="Output rows, with room for new classes.",
)
def quantize(model: Path, classes: int) -> None:
    """Make MODEL/int8.npz from float.npz and calibration.npz."""
    package = quantize_folder(model, classes)
    spare = package.rows - len(package.labels)
    click.echo(
        f"{model / 'int8.npz'}: {len(package.model.weights)} layers, {spare} rows for new classes"
    )
