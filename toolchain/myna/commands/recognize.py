# SPDX-License-Identifier: Apache-2.0
"""``myna recognize``: what a board hears."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from myna.audio.endpoint import Verdict
from myna.audio.features import Pcm
from myna.audio.files import read_recording
from myna.commands.common import json_option, running_port_option, write_json
from myna.commands.recordings import wav_option
from myna.device.session import Board
from myna.errors import MynaError
from myna.sessions import enroll as enrollment
from myna.sessions.recordings import find_takes
from myna.sessions.words import known_words


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]…")
@running_port_option
@wav_option
@json_option
def recognize(
    files: tuple[Path, ...],
    port: str,
    wav: tuple[Path, ...],
    json_file: Path | None,
) -> None:
    """Ask a board which word each recording holds. It learns and keeps nothing of them."""
    paths = find_takes((*wav, *files))
    heard, problems = [], []
    with Board.connect(port) as session:
        known = known_words(session)
        (slot,) = enrollment.free_slots(session, 1)
        for path in paths:
            try:
                pcm = read_recording(path)
            except MynaError as error:
                problems.append(error)
                continue
            heard.append({"file": str(path), **_recognized(session, pcm, slot, known)})
    write_json(json_file, "recognize", {"model": session.info.model, "heard": heard})
    for entry in heard:
        word, verdict = entry["word"], entry["verdict"]
        click.echo(f"{entry['file']}: {repr(word) if word else verdict}")
    _fail_if_any(problems, len(paths))


def _fail_if_any(problems: Sequence[MynaError], files: int) -> None:
    """Say of every file that could not be read why; with exit status 1, after all others."""
    if len(problems) > 1:
        for problem in problems:
            click.echo(f"error: {problem}", err=True)
        raise MynaError(
            f"{len(problems)} of {files} recordings could not be used",
            fix="see above what is wrong with each",
        )
    for problem in problems:
        raise problem


def _recognized(session: Board, pcm: Pcm, slot: int, known: tuple[str, ...]) -> dict[str, object]:
    """What a board takes a recording for; the slot that it needs is empty again afterwards."""
    try:
        verdict = Verdict(session.upload_audio(pcm, slot, 0).verdict)
        if verdict is not Verdict.OK:
            return {"word": None, "verdict": enrollment.PROBLEMS[verdict][0]}
        found = session.infer(slot)
    finally:
        session.empty(slot)
    word = known[found.label]
    if not found.accepted:
        return {"word": None, "verdict": f"no word it knows; {word!r} is nearest"}
    return {"word": word, "verdict": "accepted", "confidence": found.confidence}
