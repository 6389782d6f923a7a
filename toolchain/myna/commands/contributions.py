# SPDX-License-Identifier: Apache-2.0
"""``myna contributions``: what training each layer brings."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import json_option, model_argument, progress, write_json
from myna.commands.evaluation_options import evaluation_options, exams_of
from myna.experiments.contributions import SHOTS, measure, save


@click.command()
@model_argument
@evaluation_options(users=6)
@json_option
def contributions(
    model: Path,
    data: Path,
    users: int,
    speakers: str | None,
    sets: int,
    seed: int,
    jobs: int,
    json_file: Path | None,
) -> None:
    """Let users enroll new words, one layer of MODEL trained beside the head at a time.

    Writes MODEL/contributions.json, by which `--train sparse-N`, `ram-BYTES` and `auto` choose, and
    `all` within --ram. What they chose is not examined on the same users: keep some for that.
    """
    exams = exams_of(model, data, None, SHOTS, users, sets, seed, speakers)
    with progress("layers") as report:
        record = measure(model, exams, jobs, report)
    path = save(model, {"data": data.name, "shots": SHOTS, "sets": sets, "seed": seed, **record})
    head, layers = record["head"], record["layers"]
    click.echo(f"head alone: {head['accuracy']:.1f} %, {head['ram']} bytes, {head['macs']} MACs")
    for layer in sorted(layers, key=lambda name: -layers[name]["gain"]):
        entry = layers[layer]
        click.echo(f"  {layer:16} {entry['gain']:+5.1f} points, {entry['ram']:+7} bytes")
    click.echo(f"written: {path}")
    write_json(json_file, "contributions", {"model": str(model), **record})
