# SPDX-License-Identifier: Apache-2.0
"""``myna enroll``: teach a word to a board."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import (
    json_option,
    names_option,
    progress,
    running_port_option,
    training_options,
    write_json,
)
from myna.commands.recordings import model_and_files, open_recordings, wav_option
from myna.device.results import Scored
from myna.passes.pipeline import Options
from myna.sessions import enroll as enrollment
from myna.sessions.checkpoint import FORGETS, keep
from myna.sessions.words import load_words, naming


@click.command()
@model_and_files
@running_port_option
@click.option("--word", required=True, help="What is said.")
@wav_option
@names_option
@training_options
@json_option
def enroll(
    paths: tuple[Path, ...],
    port: str,
    word: str,
    wav: tuple[Path, ...],
    names: Path,
    chosen: Options,
    json_file: Path | None,
) -> None:
    """Teach a word to a board, from recordings: 16 kHz mono WAV or FLAC, best 3 to 5 takes.

    A recording lasts up to four seconds; the board finds the word in it, and refuses a bad take.

    MODEL is what the board runs, models/kws unless named. More FILEs may follow --wav. The board
    trains on all clips that it stores; it numbers its words, so their names are kept in a file.
    """
    takes, project = open_recordings(paths, wav, chosen)
    with project.connect(port=port) as session:
        learned = load_words(names, session)
        label = enrollment.class_of(word, session, learned)
        is_new = label == len(session.labels) + len(learned)
        known = (*learned, word) if is_new else learned
        step = session.status().step
        with naming(names, session.info.model, learned, known):
            taught = enrollment.teach(session, project.program, takes, label, progress)
        result = {
            "model": session.info.model,
            "board": session.info.board,
            "word": word,
            "class": label,
            "takes": len(takes),
            "steps": session.status().step - step,
            "epochs": len(taught.learned.worst),
            "before": _percent(taught.before),
            "after": _percent(taught.after),
            "memories": len(project.program.replay.labels),
            "known_before": taught.learned.known_before,
            "known_after": taught.learned.known_after,
            "saved": keep(session),
        }
    write_json(json_file, "enroll", result)
    click.echo(
        f"{word!r} is class {label}; {taught.before.correct} of {taught.before.total} stored clips "
        f"right before training, {taught.after.correct} after"
    )
    if result["memories"]:
        click.echo(
            "known classes: {known_before} of {memories} memories right before, "
            "{known_after} after".format(**result)
        )
    if not result["saved"]:
        click.echo(FORGETS)


def _percent(scored: Scored) -> float:
    return 100.0 * scored.correct / scored.total
