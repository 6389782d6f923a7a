# SPDX-License-Identifier: Apache-2.0
"""``myna negatives``: what a detector is calibrated by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from myna.commands.common import jobs_option, model_argument, progress, require_front_end
from myna.commands.evaluation_options import data_path
from myna.evaluation.engine import STREAM, CoreEngine, EngineSpec
from myna.evaluation.evaluate import examine_all
from myna.evaluation.negatives import stored_negatives
from myna.evaluation.sound import FilesExam, SoundExam, groups
from myna.learn.detect import Embeddings
from myna.package.negatives import NEGATIVES
from myna.package.package import load_package
from myna.passes.pipeline import Options
from myna.passes.training.imprint import center_of
from myna.pretrain.babble import ALONE, RUNNING, babble

RUNNING_SOUNDS = 6  # half an hour
ALONE_SOUNDS = 36  # of 1,800 utterances: more than an hour


@click.command()
@model_argument
@click.option(
    "--sound", type=data_path, help="Recordings of speech instead of synthetic sentences."
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True)
@jobs_option
def negatives(model: Path, sound: Path | None, seed: int, jobs: int) -> None:
    """Let MODEL hear speech that says none of a user's words, and store what it makes of it.

    A detector takes half the resemblance to running speech from a word's score. Its thresholds are
    set by synthetic words alone. No recording is needed, but with half an hour of many speakers
    fewer words are missed, and thresholds keep what they promise.
    """
    require_front_end(model)
    spec = EngineSpec(STREAM, model, Options(train="head"))

    def hear(what: str, exams: Sequence[FilesExam | SoundExam]) -> list[Embeddings]:
        with progress(what) as report:
            heard = examine_all(spec, exams, jobs, report)
        for problem in (problem for one in heard for problem in one.get("problems", ())):
            click.echo(f"left out: {problem}", err=True)
        return [one["sound"].stream for one in heard]

    running: Sequence[FilesExam | SoundExam]
    if sound is None:
        running = [SoundExam(pcm, windows=False) for pcm in babble(RUNNING_SOUNDS, RUNNING, seed)]
    else:
        running = [FilesExam(paths, windows=False) for paths in groups(sound)]
    alone = [SoundExam(pcm, windows=False) for pcm in babble(ALONE_SOUNDS, ALONE, seed + 1)]
    with spec.open() as engine:
        assert isinstance(engine, CoreEngine)
        center = center_of(engine.core.program.graph)
    streams = hear("hear running speech", running), hear("hear words alone", alone)
    body = load_package(model).model.body_digest
    stored_negatives(*streams, center, seed, body).save(model)
    click.echo(f"wrote {model / NEGATIVES}")
