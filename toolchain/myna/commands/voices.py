# SPDX-License-Identifier: Apache-2.0
"""``myna voices``: fit what tells the voices of people apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from myna.audio.dataset import scan, select, split_of
from myna.commands.common import (
    counted,
    json_option,
    model_argument,
    names,
    require_front_end,
    write_json,
)
from myna.commands.evaluation_options import read
from myna.errors import MynaError
from myna.evaluation.owner import score, threshold_of
from myna.evaluation.owner import voices as voices_of
from myna.package.voice import fit, save_projection, statistics

folder = click.Path(path_type=Path, file_okay=False)


@click.command()
@model_argument
@click.option(
    "--data", type=folder, required=True, help="DIR/<word>/<speaker>_<take>.{wav,flac,opus}."
)
@click.option("--owners", type=folder, required=True, help="The same, each word in several takes.")
@click.option("--speakers", help="Of --owners: A,B,…; absent: all.")
@click.option("--shots", type=click.IntRange(1), default=3, show_default=True)
@json_option
def voices(
    model: Path,
    data: Path,
    owners: Path,
    speakers: str | None,
    shots: int,
    json_file: Path | None,
) -> None:
    """Write MODEL/voice.npz, with which boards check who says a word: `myna enroll --owner`.

    The projection is fitted to the many people of --data (those of the training split); the
    threshold refuses one in twenty of the takes of --owners, who enroll --shots takes of each word.
    Record --owners as your users will speak: threshold and microphone belong together.
    """
    require_front_end(model)
    many = tuple(clip for clip in scan(data) if split_of(clip.speaker) == "train")
    if not many:
        raise MynaError(
            "nobody is of the training split", where=str(data), fix="record more people"
        )
    few = select(scan(owners), speakers=names(speakers))
    (heard, examples), (kept, takes) = (
        read(model, clips, {clip.word: 0 for clip in clips}, f"read {title.name}")
        for clips, title in ((many, data), (few, owners))
    )
    who = [clip.speaker for clip in heard]
    projection = fit(statistics(examples.features), who)
    people = sorted({clip.speaker for clip in kept})
    scored = score(kept, voices_of(projection, takes.features), people, shots)
    projection = replace(projection, threshold=threshold_of(scored))
    path = save_projection(projection, {*who, *people}, model)
    own, others = (100 * float(part.mean()) for part in scored.refused(projection.threshold))
    click.echo(
        f"{counted(len(heard), 'word')} of {len(set(who))} people; threshold "
        f"{projection.threshold / (1 << 15):.3f}: it refuses {own:.1f} % of the takes of "
        f"{counted(len(scored.genuine), 'owner')}, and {others:.1f} % of their impostors'"
    )
    click.echo(f"written: {path}")
    result = {"model": str(model), "data": data.name, "owners": owners.name, "shots": shots}
    result |= {"threshold": projection.threshold, "people": len(set(who)), "clips": len(heard)}
    figures = {"owners_refused": own, "impostors_refused": others}
    write_json(json_file, "voices", {**result, **figures, "path": str(path)})
