# SPDX-License-Identifier: Apache-2.0
"""``myna recognize``: what a board hears."""

from __future__ import annotations

from pathlib import Path

import click

from myna.audio.endpoint import Verdict
from myna.audio.features import Pcm
from myna.audio.files import read_recording
from myna.commands.common import counted, json_option, running_port_option, write_json
from myna.commands.recordings import wav_option
from myna.device.session import Board
from myna.errors import MynaError
from myna.sessions import enroll as enrollment
from myna.sessions.heard import hear
from myna.sessions.listen import UNLABELLED
from myna.sessions.owner import verify
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
    """Ask a board which word each recording holds. It learns nothing of them.

    Of the latest that it takes for a word, or nearly, it keeps features (`myna heard`).
    """
    paths = find_takes((*wav, *files))
    heard, problems = [], 0
    with Board.connect(port) as session:
        known = known_words(session)
        (slot,) = enrollment.free_slots(session, 1)
        for path in paths:
            try:
                found = _recognized(session, read_recording(path), slot, known)
            except MynaError as error:
                if error.where != str(path):
                    raise
                found, problems = {"word": None, "verdict": error.what}, problems + 1
            heard.append({"file": str(path), **found})
    for entry in heard:
        word, voice = entry["word"], entry.get("voice")
        said = repr(word) if word else entry["verdict"]
        number = f" (sound {entry['number']})" if "number" in entry else ""
        click.echo(f"{entry['file']}: {said}{number}" + (f", {voice}" if voice else ""))
    write_json(json_file, "recognize", {"model": session.info.model, "heard": heard})
    if problems:
        raise MynaError(
            f"{problems} of {counted(len(paths), 'recording')} could not be used",
            where="recognize",
            fix="see above what is wrong, and record again",
        )


def _recognized(session: Board, pcm: Pcm, slot: int, known: tuple[str, ...]) -> dict[str, object]:
    """What a board takes a recording for; the slot that it needs is empty again afterwards."""
    try:
        verdict = Verdict(session.upload_audio(pcm, slot, UNLABELLED).verdict)
        if verdict is not Verdict.OK:
            return {"word": None, "verdict": enrollment.PROBLEMS[verdict][0]}
        found, voice = hear(session, slot), verify(session, slot)
    finally:
        session.empty(slot)
    word = known[found.label]
    kept = {"number": found.number} if found.number else {}
    if not found.accepted:
        return {"word": None, "verdict": f"no word it knows; {word!r} is nearest", **kept}
    heard = {"word": word, "verdict": "accepted", "confidence": found.confidence}
    return heard | {"voice": voice.said} | kept
