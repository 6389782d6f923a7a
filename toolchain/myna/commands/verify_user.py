# SPDX-License-Identifier: Apache-2.0
"""``myna verify-user``: whether it is the owner who speaks."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from myna.audio.endpoint import Verdict as Endpoint
from myna.audio.files import read_recording
from myna.commands.common import json_option, running_port_option, write_json
from myna.commands.recordings import wav_option
from myna.device.session import Board
from myna.errors import MynaError
from myna.learn.owner import Verdict
from myna.sessions import enroll as enrollment
from myna.sessions.owner import Verified, verify
from myna.sessions.recordings import find_takes
from myna.sessions.words import known_words

REFUSED = 3  # exit status
REASONS = {
    Verdict.OWNER: "accepted",
    Verdict.OTHER_VOICE: "refused: not the owner",
    Verdict.NO_OWNER: "refused: nobody enrolled this word as the owner",
    Verdict.NO_WORD: "refused: no word that the board knows",
}
OF_USER = {
    Verdict.OWNER: "accepted",
    Verdict.OTHER_VOICE: "refused: not the user",
    Verdict.NO_OWNER: "refused: nobody is enrolled",
}


@click.command("verify-user")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]…")
@running_port_option
@wav_option
@json_option
def verify_user(
    files: tuple[Path, ...], port: str, wav: tuple[Path, ...], json_file: Path | None
) -> None:
    """Ask a board whether it is the owner who says the word of each recording.

    A model that tells its user (`myna verifier`) is asked whether he speaks, whatever he says.

    Exit status: 0 if all are accepted, 3 if one is refused, 1 if one could not be judged. Enroll
    the owner first: `myna enroll --owner`. This is a convenience for a quiet room, and no lock.
    """
    paths = find_takes((*wav, *files))
    results = []
    with Board.connect(port) as session:
        known = known_words(session)
        (slot,) = enrollment.free_slots(session, 1)
        for path in paths:
            found = _verified(session, path, slot)
            word = known[found.label] if known else None  # a model that tells its user knows none
            reason = REASONS[found.verdict] if known else OF_USER[found.verdict]
            click.echo(f"{path}: {f'{word!r}, ' if word else ''}{reason}")
            accepted = found.verdict is Verdict.OWNER
            results.append(
                {
                    "file": str(path),
                    "word": word,
                    "accepted": accepted,
                    "verdict": found.verdict.name.lower(),
                    "score": found.score / (1 << 15),
                }
            )
    write_json(json_file, "verify-user", {"model": session.info.model, "verified": results})
    if not all(result["accepted"] for result in results):
        sys.exit(REFUSED)


def _verified(session: Board, path: Path, slot: int) -> Verified:
    """What a board says of a recording; the slot that it needs is empty again afterwards."""
    pcm = read_recording(path)
    try:
        verdict = Endpoint(session.upload_audio(pcm, slot, 0).verdict)
        if verdict is not Endpoint.OK:
            what, fix = enrollment.PROBLEMS[verdict]
            raise MynaError(what, where=str(path), fix=f"{fix}, and record again")
        return verify(session, slot)
    finally:
        session.empty(slot)
