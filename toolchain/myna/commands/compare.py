# SPDX-License-Identifier: Apache-2.0
"""``myna compare``: what the choices about training are worth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from myna.commands.common import json_option, model_argument, progress, write_json
from myna.commands.evaluation_options import data_path, evaluation_options, exams_of
from myna.evaluation.personalization import WordsExam
from myna.experiments.comparisons import COMPARISONS, Part
from myna.experiments.variant import run


@click.command()
@click.argument("comparison", type=click.Choice(list(COMPARISONS)))
@model_argument
@evaluation_options(users=4)
@click.option("--base-data", type=data_path, required=True, help="Recordings of what MODEL knew.")
@json_option
def compare(
    comparison: str,
    model: Path,
    data: Path,
    base_data: Path,
    users: int,
    speakers: str | None,
    sets: int,
    seed: int,
    jobs: int,
    json_file: Path | None,
) -> None:
    """Let the same users teach MODEL in several ways, and compare results and costs.

    what-to-train: the plans of --train, at 1, 3 and 5 takes. ablation: each choice about gradients,
    updates and enrollment alone. DATA holds new words, BASE-DATA the known ones.
    """
    parts = []
    for part in COMPARISONS[comparison](model):
        click.echo(part.title)
        chosen = [variant.spec.options for variant in part.variants]
        exams = exams_of(model, data, base_data, part.shots, users, sets, seed, speakers, chosen)
        parts.append(_run(part, exams, jobs))
    result = {"comparison": comparison, "model": str(model), "sets": sets, "seed": seed}
    write_json(json_file, "compare", {**result, "parts": parts})


def _run(part: Part, exams: Sequence[WordsExam], jobs: int) -> dict[str, Any]:
    rows = []
    for variant in part.variants:
        with progress(variant.name) as report:
            rows.append(run(variant, exams, jobs, report))
        click.echo(f"  {variant.name:32} {_shown(rows[-1])}")
    return {"title": part.title, "shots": part.shots, "trials": rows}


def _shown(row: dict[str, Any]) -> str:
    new, known = row["after"]["mean"], row["known_after"]["mean"]
    return f"new {new:.1f} %, known {known:.1f} %, {row['ram']} bytes"
