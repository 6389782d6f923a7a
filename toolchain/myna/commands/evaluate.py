# SPDX-License-Identifier: Apache-2.0
"""``myna evaluate``: how well users' words are learned."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from myna.audio.dataset import Clip, scan, select
from myna.commands.common import (
    json_option,
    make_options,
    model_argument,
    port_option,
    progress,
    training_options,
    write_json,
)
from myna.errors import MynaError
from myna.learn import protocols
from myna.learn.engine import EngineSpec
from myna.learn.evaluate import WORDS_FIELDS, WordsExam, examine_all, summarize
from myna.learn.examples import Examples, read_examples
from myna.learn.recipe import Recipe
from myna.quantized import Package, load_package

folder = click.Path(path_type=Path, file_okay=False)


@click.command()
@model_argument
@click.option("--data", type=folder, required=True, help="DIR/<word>/<speaker>_<take>.wav")
@click.option("--protocol", type=click.Choice(["speaker", "new-words"]), required=True)
@click.option("--shots", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--speakers", help="A,B,… or all; absent: those with the most takes, held out of training."
)
@click.option(
    "--max-speakers",
    type=click.IntRange(1),
    default=protocols.SPEAKERS,
    show_default=True,
    help="How many speakers to choose.",
)
@click.option("--new-words", help="Absent: the alphabetically first five that are not labels.")
@click.option("--base-data", type=folder, help="Recordings of what the model knew.")
@click.option("--engine", default="host", show_default=True, help="float, reference, host, BOARD.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True)
@click.option("--jobs", type=click.IntRange(1), help="Processes; by default one per core.")
@port_option
@training_options
@json_option
def evaluate(
    model: Path,
    data: Path,
    protocol: str,
    shots: int,
    speakers: str | None,
    max_speakers: int,
    new_words: str | None,
    base_data: Path | None,
    engine: str,
    seed: int,
    jobs: int | None,
    port: str | None,
    train: str,
    ranges: str,
    store_all: bool,
    json_file: Path | None,
) -> None:
    """Let users enroll words in MODEL and examine it on their other takes, before and after.

    speaker: K takes of every word that the model knows. new-words: K takes of each new word.
    """
    spec = EngineSpec(engine, model, make_options(train, ranges, store_all), port)
    spec.check()
    package = load_package(model)
    asked = tuple(new_words.split(",")) if new_words else None
    tasks = _tasks(package, data, protocol, shots, (speakers, max_speakers), asked)
    known = _known(package, base_data) if base_data else None
    jobs = 1 if port else jobs or os.cpu_count() or 1
    with progress(f"{protocol} on {engine}") as report:
        exams = [WordsExam(task, known, Recipe(), seed) for task in tasks]
        people = examine_all(spec, exams, jobs, report)
    summary = summarize(people, WORDS_FIELDS)
    summary = {"protocol": protocol, "shots": shots, **summary, "seed": seed}
    write_json(json_file, "evaluate", {"model": str(model), "engine": engine, **summary})
    _print(summary)


def _tasks(
    package: Package,
    data: Path,
    protocol: str,
    shots: int,
    speakers: tuple[str | None, int],
    new_words: tuple[str, ...] | None,
) -> tuple[protocols.Task, ...]:
    """Choose words and speakers, and read their recordings."""
    clips = scan(data)
    if protocol == "speaker":
        words = protocols.known_words(clips, package.labels)
    else:
        words = new_words or protocols.choose_new_words(clips, package.labels)
    classes = protocols.assign_classes(package.labels, words, package.rows)
    clips = select(clips, words=words)
    asked, most = speakers
    chosen = None if asked == "all" else asked.split(",") if asked else None
    if asked is None:
        heard = protocol == "speaker"  # recordings of new words were never trained on
        chosen = list(protocols.choose_speakers(clips, words, shots, most, held_out=heard))
    clips = select(clips, speakers=chosen)
    kept, examples = _read(package, clips, classes, f"read {data.name}")
    tasks = protocols.make_tasks(kept, examples, shots)
    missing = sorted(set(chosen or ()) - {task.speaker for task in tasks})
    if missing:
        raise MynaError(
            f"speaker {', '.join(missing)} has no usable take beyond {shots} of these words",
            where=str(data),
            fix="lower --shots, or leave the speaker out",
        )
    return tasks


def _known(package: Package, base_data: Path) -> Examples:
    """A sample of what the model knows, for all users the same."""
    classes = {label: index for index, label in enumerate(package.labels)}
    clips = protocols.choose_known(scan(base_data), classes)
    return _read(package, clips, classes, f"read {base_data.name}")[1]


def _read(
    package: Package, clips: Sequence[Clip], classes: Mapping[str, int], title: str
) -> tuple[tuple[Clip, ...], Examples]:
    """Recordings and their features; says how many are unusable, and why the first one is."""
    with progress(title) as report:
        kept, examples, problems = read_examples(package.audio, clips, classes, report)
    if problems:
        click.echo(f"{len(problems)} unusable recordings left out; first: {problems[0]}", err=True)
    return kept, examples


def _print(summary: Mapping[str, Any]) -> None:
    people = len(summary["speakers"])
    click.echo(f"{summary['protocol']}, {summary['shots']} shots, {people} speakers")
    for name, title in (("", "enrolled words"), ("known_", "known words")):
        if summary[f"{name}before"] is not None:
            before, after = (_figure(summary[f"{name}{when}"]) for when in ("before", "after"))
            click.echo(f"  {title:15} before {before}, after {after}")


def _figure(value: Mapping[str, float | None]) -> str:
    half = value["ci95"]
    return f"{value['mean']:.1f} %" if half is None else f"{value['mean']:.1f} ± {half:.1f} %"
