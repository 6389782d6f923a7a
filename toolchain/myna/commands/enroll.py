# SPDX-License-Identifier: Apache-2.0
"""``myna enroll``: teach a word to a board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from myna.audio.microphone import Microphone
from myna.commands.common import (
    WORD,
    counted,
    json_option,
    progress,
    rate_option,
    require_front_end,
    running_port_option,
    write_json,
)
from myna.commands.microphone import Prompter, microphone_options, teach_by_microphone
from myna.commands.recordings import (
    examples_option,
    model_and_files,
    open_recordings,
    refuse_recordings,
    split,
    wav_option,
)
from myna.commands.settling import ConfusionWarning, say_deaf
from myna.device.results import Scored
from myna.device.session import Board
from myna.errors import MynaError
from myna.learn.user import PERCENT, WANTED
from myna.project import Project, running
from myna.sessions import enroll as enrollment
from myna.sessions.checkpoint import FORGETS, keep
from myna.sessions.owner import require_owner_check
from myna.sessions.recordings import Example, Take, read_features
from myna.sessions.user import enroll_user, tells_user
from myna.sessions.wake_words import RATE, follow_learning


@click.command()
@model_and_files
@running_port_option
@click.option("--word", type=WORD, help="What is said; nothing, to a model that tells its user.")
@wav_option
@examples_option
@microphone_options
@rate_option(f"{RATE}, or what was asked for the word before")
@click.option("--owner", is_flag=True, help="The takes are the owner's voice.")
@click.option(
    "--tpr",
    type=click.IntRange(1, PERCENT - 1),
    default=WANTED,
    show_default=True,
    help="Of the user's takes, percent to accept, by a model that tells its user.",
)
@json_option
def enroll(
    paths: tuple[Path, ...],
    port: str,
    word: str | None,
    wav: tuple[Path, ...],
    examples: Path | None,
    mic: bool,
    device: str | None,
    takes: int,
    rate: float | None,
    owner: bool,
    tpr: int,
    json_file: Path | None,
) -> None:
    """Teach a word to a board, from recordings or by a microphone, best 3 to 5 takes.

    A recording (WAV, FLAC, Opus, Ogg, MP3, AIFF, of any rate and number of channels) lasts up to
    four seconds; the board finds the word in it, and refuses a bad take.
    With --mic it asks for one take after the other, and the word can be used after the first.

    The board trains on all clips that it stores, and keeps the word's name. A board that
    was built with --streaming listens for the word from then on (`myna listen`). A model that hears
    nothing learns a class from --examples.

    With --owner, `myna recognize`, `adapt` and `verify-user` say from then on whether it is the
    same person who says the word. In a quiet room most others are refused; it is no lock.

    A model that tells its user (`myna verifier`) takes --owner without --word: the board draws a
    secret codeword, trains with most takes, and sets its threshold by up to three others.

    MODEL is the folder of what the board runs, by default the one of its name in models. More
    FILEs may follow --wav.
    """
    if word is None and not owner:
        raise click.UsageError("Missing option '--word'.")
    prompter: Prompter | None = None
    recordings: Sequence[Take] = ()
    if mic:
        model, prompter = _prompter(paths, wav, examples, device, word, takes)
    elif examples is None:
        recordings, model = open_recordings(paths, wav)
    else:
        model, files = split(paths)
        refuse_recordings((*wav, *files))
    with running(port, model) as (session, project):
        if tells_user(project.program):
            recordings = prompter.takes() if prompter else recordings
            _enroll_user(session, project, recordings, word, owner, tpr, json_file)
            return
        said = read_features(examples, project.folder) if examples else recordings
        result, taught = _enroll_word(session, project, said, prompter, word, owner, rate)
    _say(result, taught)
    write_json(json_file, "enroll", result)


def _enroll_word(
    session: Board,
    project: Project,
    takes: Sequence[Take | Example],
    prompter: Prompter | None,
    word: str | None,
    owner: bool,
    rate: float | None,
) -> tuple[dict[str, Any], enrollment.Taught]:
    """Teach takes of a word, or those that somebody is asked for; what is written of it."""
    word = _required(word)
    if owner:
        require_owner_check(project)
    label = enrollment.class_of(word, session)
    step, vary = session.status().step, project.package.has_front_end
    warnings = ConfusionWarning(word)
    if prompter:
        taught, slots = teach_by_microphone(
            session, project, prompter, label, word, owner=owner, rate=rate, warn=warnings.say
        )
    else:
        taught, slots = enrollment.teach(
            *(session, project.program, takes, label, word, progress),
            vary=vary,
            owner=owner,
            warn=warnings.say,
        )
    say_deaf(follow_learning(session, project, label, rate), word)
    result = {
        "model": session.info.model,
        "board": session.info.board,
        "word": word,
        "class": label,
        "takes": len(slots),
        "owner": owner,
        "confusable": warnings.words,
        "recognized": sum(taught.after.labels[slot] == label for slot in slots),
        "steps": session.status().step - step,
        **_outcome(taught),
        "memories": project.program.asked_memories,
        "saved": keep(session),
    }
    return result, taught


def _prompter(
    paths: tuple[Path, ...],
    wav: tuple[Path, ...],
    examples: Path | None,
    device: str | None,
    word: str | None,
    count: int,
) -> tuple[Path | None, Prompter]:
    """The model's folder, if it is named, and what asks for takes."""
    model, files = split(paths)
    if wav or files or examples is not None:
        raise click.UsageError("--mic is instead of recordings and --examples.")
    if model:
        require_front_end(model)
    return model, Prompter(Microphone(device), repr(word) if word else "something", count)


def _enroll_user(
    session: Board,
    project: Project,
    takes: Sequence[Take],
    word: str | None,
    owner: bool,
    tpr: int,
    json_file: Path | None,
) -> None:
    """Enroll the user of a model that tells him, and say so."""
    if word is not None or not owner:
        raise MynaError(
            "tells its user, and learns no words",
            where=f"model {session.info.model}",
            fix="leave --word out, and say --owner",
        )
    done = enroll_user(session, project.program, takes, tpr, progress)
    saved = keep(session)
    click.echo(
        f"{counted(done.trained, 'take')} learned by a secret codeword, "
        f"{'drawn now' if done.drawn else 'the one from before'}; "
        f"{counted(done.warm_up, 'take')} set the threshold"
    )
    if done.warm_up < tpr // (PERCENT - tpr):  # the smallest of m scores promises m / (m + 1)
        promised = PERCENT * done.warm_up // (done.warm_up + 1)
        click.echo(f"warning: so few promise {promised} % accepted, not {tpr} %", err=True)
    if not saved:
        click.echo(FORGETS)
    result = {
        "model": session.info.model,
        "board": session.info.board,
        "owner": True,
        "takes": done.trained,
        "warm_up": done.warm_up,
        "tpr": tpr,
        "saved": saved,
    }
    write_json(json_file, "enroll", result)


def _required(word: str | None) -> str:
    if word is None:
        raise MynaError("lacks the word that is said", where="enroll", fix="say --word WORD")
    return word


def _outcome(taught: enrollment.Taught) -> dict[str, float]:
    """What is written of training."""
    return {
        "epochs": len(taught.learned.worst),
        "ready_in_s": round(taught.seconds, 1),
        "before": _percent(taught.before),
        "after": _percent(taught.after),
        "known_before": taught.learned.known_before,
        "known_after": taught.learned.known_after,
    }


def _say(result: Mapping[str, Any], taught: enrollment.Taught) -> None:
    """What a user is told of a word that was learned."""
    word, takes, recognized = (result[name] for name in ("word", "takes", "recognized"))
    click.echo(
        f"{word!r} is class {result['class']}; {taught.before.correct} of {taught.before.total} "
        f"stored clips right before training, {taught.after.correct} after; "
        f"ready in {result['ready_in_s']} s"
    )
    if result["owner"]:
        click.echo(f"the takes of {word!r} that the board stores are the owner's voice now")
    if 2 * recognized < takes:
        click.echo(
            f"warning: only {recognized} of {counted(takes, 'take')} recognized as "
            f"{word!r}: record more and clearer ones, or forget it, `myna words --remove`, and "
            "choose another word",
            err=True,
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
