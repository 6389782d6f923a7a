# SPDX-License-Identifier: Apache-2.0
"""``myna adapt``: let a board learn from what nobody labelled."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from myna.audio.config import SILENCE, UNKNOWN
from myna.audio.endpoint import Verdict as Endpoint
from myna.commands.common import json_option, running_port_option, write_json
from myna.commands.recordings import model_and_files, open_recordings, wav_option
from myna.device.session import Board
from myna.errors import MynaError
from myna.learn.listen import Criteria, Verdict, certain
from myna.learn.owner import Verdict as Voice
from myna.learn.recipe import Recipe
from myna.project import running
from myna.sessions import enroll as enrollment
from myna.sessions import listen as listening
from myna.sessions.checkpoint import FORGETS, keep
from myna.sessions.owner import verify
from myna.sessions.recordings import Take
from myna.sessions.words import read_words

NO_WORDS = (SILENCE, UNKNOWN)  # labels that are never adapted


@click.command()
@model_and_files
@running_port_option
@wav_option
@click.option("--confirm", is_flag=True, help='Ask "was that right?" for each clip that is kept.')
@json_option
def adapt(
    paths: tuple[Path, ...],
    port: str,
    wav: tuple[Path, ...],
    confirm: bool,
    json_file: Path | None,
) -> None:
    """Let a board adapt to recordings that nobody labelled, and undo it if that did harm.

    It keeps what it is sure of: of words that were enrolled, or if none was, of those that MODEL
    knows: the folder of what the board runs, by default the one of its name in models. More FILEs
    may follow --wav. A word that the owner enrolled (`myna enroll --owner`) is learned from his
    voice alone.
    """
    takes, model = open_recordings(paths, wav)
    with running(port, model) as (session, project):
        words = read_words(session)
        known = [i for i, label in enumerate(session.labels) if label not in NO_WORDS]
        if not words and not known:
            raise MynaError(
                "there is no word to listen for: the model knows none, and none was enrolled",
                where="adapt",
                fix="enroll a word first: myna enroll",
            )
        lowest = len(session.labels) if words else min(known)
        criteria, heard = certain(project.program, lowest), []
        for take in takes:
            found = _hear(session, take, criteria, (*session.labels, *words), confirm)
            heard.append({"file": str(take.path), **found})
        if not session.status().clips:
            raise MynaError(
                "the board is sure of none of these recordings",
                where="adapt",
                fix="enroll the words first, or record them more clearly",
            )
        adapted = listening.adapt(
            session, project.program, Recipe.of(whole=project.program.is_whole)
        )
        saved = adapted.kept and keep(session)
    result = {"heard": heard, **asdict(adapted), "saved": saved}
    click.echo("adapted" if adapted.kept else "adapting did harm: undone")
    if adapted.kept and not saved:
        click.echo(FORGETS)
    write_json(json_file, "adapt", result)


def _hear(
    session: Board, take: Take, criteria: Criteria, names: tuple[str, ...], confirm: bool
) -> dict[str, object]:
    """Hear one take in a free slot; nothing if the board finds it unfit."""
    (slot,) = enrollment.free_slots(session, 1)
    if session.upload_audio(take.pcm, slot, listening.UNLABELLED).verdict != Endpoint.OK:
        click.echo(f"{take.path.name}: no clear word")
        return {}
    found = listening.listen(session, slot, criteria)
    kept = found.verdict is Verdict.KEPT
    voice = verify(session, slot)
    said = ", ".join((found.verdict.name.lower(), *filter(None, [voice.said])))
    click.echo(f"{take.path.name}: {names[found.label]!r}, {said}")
    if voice.verdict is Voice.OTHER_VOICE:
        session.empty(slot)
    elif kept and confirm:
        listening.confirm(session, slot, right=click.confirm("Was that right?"))
    described = {**asdict(found), "verdict": found.verdict.name.lower()}
    return described | {"voice": voice.said}
