# SPDX-License-Identifier: Apache-2.0
"""Whom the commands ask that compare ways to learn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from myna.audio.dataset import Clip, Heard
from myna.commands.common import jobs_option, names, options, progress, require_front_end
from myna.errors import MynaError
from myna.evaluation import personalization
from myna.evaluation.personalization import WordsExam
from myna.evaluation.protocol import Request
from myna.evaluation.sources import are_examples, read_features, scan
from myna.evaluation.split import NEW_WORDS
from myna.federated.codebook import CODES
from myna.learn.examples import Examples, read_examples
from myna.learn.recipe import Recipe
from myna.package.budget import fit_ram
from myna.package.package import load_package
from myna.passes.pipeline import Options

data_path = click.Path(path_type=Path)
DATA = "DIR/<word>/<speaker>_<take>.{wav,flac,opus}, or FILE.npz: features, words, speakers."


def evaluation_options(users: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--data``, ``--users`` with its default, ``--speakers`` and what a comparison needs else."""
    return options(
        click.option("--data", type=data_path, required=True, help=DATA),
        click.option("--users", type=click.IntRange(1), default=users, show_default=True),
        click.option("--speakers", help="A,B,…; absent: those with the most takes, never heard."),
        click.option(
            "--sets",
            type=click.IntRange(1),
            default=1,
            show_default=True,
            help="Sets of five new words; each user learns every set, from the start.",
        ),
        click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True),
        jobs_option,
    )


def exams_of(
    model: Path,
    data: Path,
    base_data: Path | None,
    shots: int,
    users: int,
    sets: int,
    seed: int,
    speakers: str | None = None,
    chosen: Iterable[Options] = (),
) -> Sequence[WordsExam]:
    """The exams in sets of new words for these users, or for so many whom the model never heard.

    Args:
        chosen: what is compared, none of it chosen by measurements on these users.

    Raises:
        MynaError: the model or the data is missing, or does not suffice.
    """
    package = load_package(model)
    plans = [fit_ram(package, options)[1].train for options in chosen]
    request = Request(
        package,
        Heard.load(model),
        data,
        base_data,
        shots,
        names(speakers),
        users,
        None,
        Recipe(vary=package.has_front_end),
        seed,
        partial(read, model),
        frozenset[str]().union(*map(package.measured_for, plans)),
    )
    words = request.new_words(scan(data), NEW_WORDS * sets)
    if len(words) < NEW_WORDS * sets and sets > 1:
        raise MynaError(
            f"{len(words)} new words are not {sets} sets of {NEW_WORDS}",
            where=str(data),
            fix="lower --sets",
        )
    requests = (
        replace(request, words=words[first : first + NEW_WORDS])
        for first in range(0, len(words), NEW_WORDS)
    )
    exams = (exam for request in requests for exam in personalization.NEW_WORDS.exams(request))
    return [exam for exam in exams if isinstance(exam, WordsExam)]


code_length_option = click.option(
    "--code-length",
    type=click.Choice(list(CODES)),
    default=max(CODES),
    show_default=True,
    help="Bits of a user's codeword.",
)


def require_sound(model: Path, data: Path) -> None:
    """Raise a MynaError unless a model hears sound, and data holds it."""
    require_front_end(model)
    if are_examples(data):
        raise MynaError(
            "holds features, and this protocol needs sound",
            where=str(data),
            fix="name a folder of recordings, or another --protocol",
        )


def read(
    model: Path, clips: Sequence[Clip], classes: Mapping[str, int], title: str
) -> tuple[tuple[Clip, ...], Examples]:
    """Clips and their features; says how many are unusable, and why the first one is."""
    if are_examples(clips[0].path):
        return tuple(clips), read_features(clips, classes, model)
    audio = require_front_end(model)
    with progress(title) as report:
        kept, examples, problems = read_examples(audio, clips, classes, report)
    if problems:
        click.echo(f"{len(problems)} unusable recordings left out; first: {problems[0]}", err=True)
    return kept, examples
