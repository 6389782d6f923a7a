# SPDX-License-Identifier: Apache-2.0
"""``myna train``: pretrain a network on recordings and quantize it."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import json_option, names, write_json
from myna.device.target import PROJECT
from myna.evaluation.accuracy import accuracy_of
from myna.package.package import quantize_folder
from myna.project import open_project


@click.command()
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="Folder <word>/<file>."
)
@click.option("--words", help="Words to tell apart, joined by commas; absent: the model's labels.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@click.option(
    "--architecture",
    type=click.Path(path_type=Path),
    default=PROJECT / "models" / "kws",
    help="Model whose architecture and recipe to use.  [default: models/kws]",
)
@click.option("--teacher", type=click.Path(path_type=Path), help="Trained model to distil from.")
@click.option(
    "--further",
    type=click.Path(path_type=Path),
    help="Data folder whose words only teach the embedding to tell words apart.",
)
@click.option("--further-words", help="Its words to hear, joined by commas; absent: all.")
@click.option("--further-speakers", help="Its speakers to hear, joined by commas; absent: all.")
@click.option("--epochs", type=click.IntRange(1), help="Instead of the recipe's.")
@click.option(
    "--body",
    type=click.Path(path_type=Path),
    help="Trained model of which only the last layer is trained anew: in a minute.",
)
@click.option(
    "--speakers", help="Whom to learn from, joined by commas; absent: all but one in ten."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    show_default=True,
    help="Of everything random.",
)
@json_option
def train(
    data: Path,
    words: str | None,
    out: Path,
    architecture: Path,
    teacher: Path | None,
    further: Path | None,
    further_words: str | None,
    further_speakers: str | None,
    epochs: int | None,
    body: Path | None,
    speakers: str | None,
    seed: int,
    json_file: Path | None,
) -> None:
    """Train a network on recordings, split by speaker, and make its int8 form."""
    from myna.pretrain import run  # noqa: PLC0415  imports TensorFlow

    chosen, people = names(words), names(speakers)
    if body:
        if teacher or further or epochs:
            raise click.UsageError("--body goes with none of --teacher, --further and --epochs")
        result = run.retrain_head(body, data, chosen, out, seed=seed, speakers=people)
    else:
        more = (
            run.Further(further, names(further_words), names(further_speakers)) if further else None
        )
        result = run.train(
            architecture,
            data,
            chosen,
            out,
            seed=seed,
            epochs=epochs,
            teacher=teacher,
            further=more,
            speakers=people,
            progress=lambda line: click.echo(line, err=True),
        )
    quantize_folder(out)
    record = {"model": str(out), "seed": seed, "tested": result.tested}
    record |= {"accuracy_float": result.accuracy, "accuracy_int8": None}
    if result.tested:
        record["accuracy_int8"] = accuracy_of(open_project(out), data, "host")[0]
        click.echo(
            f"{out}: float {result.accuracy:.2f} %, int8 {record['accuracy_int8']:.2f} % of "
            f"{result.tested} clips of held-out speakers"
        )
    else:
        click.echo(f"{out}: trained on all of these speakers, so there is no accuracy to report")
    write_json(json_file, "train", record)
