# SPDX-License-Identifier: Apache-2.0
"""``myna negatives``: what a detector is calibrated by."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import jobs_option, model_argument, progress, require_front_end
from myna.evaluation.engine import STREAM, CoreEngine, EngineSpec
from myna.evaluation.evaluate import examine_all
from myna.evaluation.negatives import stored_negatives
from myna.evaluation.sound import SoundExam, center_of
from myna.package.negatives import NEGATIVES
from myna.passes.pipeline import Options
from myna.pretrain.babble import babble

SOUNDS = 12  # half an hour


@click.command()
@model_argument
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True)
@jobs_option
def negatives(model: Path, seed: int, jobs: int) -> None:
    """Let MODEL hear synthetic speech that says nothing, and store what it makes of it.

    A detector takes half the resemblance to such speech from a word's score, and its thresholds are
    set by it. No recording is needed.
    """
    require_front_end(model)
    spec = EngineSpec(STREAM, model, Options(train="head"))
    sounds = babble(SOUNDS, seed)
    with progress("hear") as report:
        heard = examine_all(spec, [SoundExam(pcm) for pcm in sounds], jobs, report)
    with spec.open() as engine:
        assert isinstance(engine, CoreEngine)
        center = center_of(engine.core.program)
    stored_negatives([one["sound"].stream for one in heard], center, seed).save(model)
    click.echo(f"wrote {model / NEGATIVES}")
