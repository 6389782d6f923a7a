# SPDX-License-Identifier: Apache-2.0
"""``myna demo``: enroll five words on a virtual board, end to end."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from myna.audio.dataset import Heard, scan
from myna.commands.common import (
    board_option,
    json_option,
    names,
    progress,
    ram_option,
    require_front_end,
    write_json,
)
from myna.device.session import Board
from myna.device.target import PROJECT, find_board, missing_programs, require
from myna.errors import MynaError
from myna.evaluation import speech, split
from myna.evaluation.board_engine import BoardEngine
from myna.evaluation.engine import predict
from myna.evaluation.evaluate import percent_right
from myna.evaluation.protocol import refuse_measured
from myna.evaluation.verified_enrollment import VerifiedEnrollment, featurize
from myna.learn.examples import Examples
from myna.learn.recipe import Recipe
from myna.passes.pipeline import Options
from myna.passes.training.select import HELP
from myna.project import Project, open_project
from myna.report.picture import draw_learning_curve
from myna.sessions.footprint import Footprint, measure

MODEL = PROJECT / "models" / "kws"
FALLBACK = "host"
SHOTS, MOST_SHOTS = 3, 60  # takes of a word


@dataclass(frozen=True)
class User:
    """Who speaks, and what."""

    title: str
    words: tuple[str, ...]
    takes: speech.Takes


@dataclass(frozen=True)
class Result:
    """What the demonstration showed; accuracies in percent of the test takes, on the board."""

    before: float
    after: float
    enrollment: VerifiedEnrollment
    footprint: Footprint | None
    board: str


@click.command()
@click.argument("model", type=click.Path(path_type=Path), default=MODEL, required=False)
@board_option("qemu_m4")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Real recordings.")
@click.option("--speaker", help="Whose recordings; by default the first one held out.")
@click.option("--words", help="A,B,…; by default five that the model does not know.")
@click.option(
    "--shots",
    type=click.IntRange(1, MOST_SHOTS),
    help=f"Takes of each word.  [default: {SHOTS}, or as many as --ram leaves room for]",
)
@click.option("--train", default="head", show_default=True, help=HELP)
@ram_option
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results/demo"),
    show_default=True,
    help="Folder for the picture and the figures.",
)
@json_option
def demo(
    model: Path,
    board: str,
    data: Path | None,
    speaker: str | None,
    words: str | None,
    shots: int | None,
    train: str,
    ram: int | None,
    seed: int,
    output: Path,
    json_file: Path | None,
) -> None:
    """Teach five words of one user to MODEL on a virtual board, compared with the reference."""
    begun = time.monotonic()
    require_front_end(model)
    board = _usable_board(board)
    asked = names(words)
    count = len(asked) if asked else split.NEW_WORDS
    clips = max(Options.clips, count * (shots or SHOTS)) if ram is None else Options.clips
    project = open_project(model, Options(train=train, ram=ram, clips=clips))
    shots = _fitting(project, count, shots)
    user = _user(project, data, speaker, asked, shots, seed)
    click.echo(f"{user.title}: {', '.join(user.words)}, {shots} takes each")
    recipe = Recipe.of(whole=project.program.is_whole)
    result = _run(project, board, user, recipe, seed)
    _print(result)
    picture = output / "demo.png"
    title = (
        f"{project.package.model.model.name} learns {', '.join(user.words)}\n"
        f"{shots} takes each, on {result.board}; {result.enrollment.comparison.compared} bytes "
        f"of state compared, {result.enrollment.comparison.differences} differences"
    )
    draw_learning_curve(result.enrollment.record, title, len(user.takes[0]), picture)
    record = _record(model, board, user, shots, seed, result)
    record["seconds"] = round(time.monotonic() - begun, 1)
    for path in filter(None, (output / "demo.json", json_file)):
        write_json(path, "demo", record)
    click.echo(f"picture:  {picture}\ntime:     {record['seconds']:.0f} s, with the build")
    if result.enrollment.comparison.differences:
        sys.exit(1)


def _fitting(project: Project, words: int, shots: int | None) -> int:
    """How many takes of each word a board has room for."""
    room = project.options.clips // words
    if room < (shots or 1):
        raise MynaError(
            f"the board stores {project.options.clips} clips, {words} words need at least "
            f"{words * (shots or 1)}",
            where="demo",
            fix="allow more --ram, or fewer --words or --shots",
        )
    return shots or min(SHOTS, room)


def _usable_board(board: str) -> str:
    """The board, or the host's where programs for it are missing.

    Raises:
        MynaError: programs for both are missing; said at once, as takes need a minute to speak.
    """
    missing = missing_programs(find_board(board))
    if not missing:
        return board
    require(find_board(FALLBACK).compiler)
    click.echo(f"{', '.join(missing)} not installed: runs on {FALLBACK} instead of {board}")
    return FALLBACK


def _user(
    project: Project,
    data: Path | None,
    speaker: str | None,
    words: tuple[str, ...] | None,
    shots: int,
    seed: int,
) -> User:
    if data is None:
        words = words or speech.SYNTHETIC_WORDS
        takes = speech.synthetic_user(words, shots, seed)
        return User("synthetic speech (espeak-ng, no recordings given)", words, takes)
    clips = scan(data)
    known = {*project.package.labels, *Heard.load(project.folder).words}
    words = words or split.choose_new_words(clips, known, split.NEW_WORDS)
    speaker = speaker or split.choose_speakers(clips, words, shots)[0]
    refuse_measured({speaker}, project.package.measured_for(project.options.train))
    return User(f"speaker {speaker}", words, speech.recorded_user(data, speaker, words, shots))


def _run(project: Project, board: str, user: User, recipe: Recipe, seed: int) -> Result:
    package, rows = project.package, project.package.rows
    classes = split.assign_classes(package.labels, user.words, rows)
    enrolled, tested = (featurize(package.front_end, takes, classes) for takes in user.takes)
    click.echo(f"build:    {board}")
    firmware = project.firmware(board)
    with project.connect(board) as session:
        before = _ask(project, session, tested)
        enrollment = VerifiedEnrollment(project.program, package, session, user.takes[0], enrolled)
        with progress(f"send {len(enrolled)} takes") as report:
            enrollment.send(report)
        with progress("train and compare") as report:
            enrollment.train(tested, recipe, seed, report)
        after = _ask(project, session, tested)
        on_chip = find_board(board).kind != "host"
        footprint = measure(firmware, session) if on_chip else None
        return Result(before, after, enrollment, footprint, session.info.board)


def _ask(project: Project, session: Board, tested: Examples) -> float:
    found = predict(BoardEngine(session, project.program), tested.features)
    return percent_right(found, tested.labels)


def _print(result: Result) -> None:
    comparison, footprint = result.enrollment.comparison, result.footprint
    click.echo(
        f"compared: {comparison.steps} training steps, {comparison.compared} bytes of state, "
        f"{comparison.differences} differences"
    )
    if comparison.first is not None:
        click.secho(f"          first: {comparison.first}", fg="red")
    click.echo(
        f"accuracy: {result.before:.1f} % before, {result.after:.1f} % after, on takes not "
        f"enrolled, on {result.board}"
    )
    if footprint is None:
        click.echo("memory:   measured on Cortex-M boards only")
    else:
        click.echo(_memory(footprint))


def _memory(footprint: Footprint) -> str:
    parts = {name: size for name, size in asdict(footprint).items() if name != "flash"}
    shares = ", ".join(f"{name} {size}" for name, size in parts.items())
    return f"RAM:      {footprint.ram} bytes ({shares})\nflash:    {footprint.flash} bytes"


def _record(
    model: Path, board: str, user: User, shots: int, seed: int, result: Result
) -> dict[str, Any]:
    """The figures for ``demo --json``."""
    comparison, footprint, record = (
        result.enrollment.comparison,
        result.footprint,
        result.enrollment.record,
    )
    return {
        "model": str(model),
        "board": board,
        "user": user.title,
        "words": list(user.words),
        "shots": shots,
        "seed": seed,
        "enrolled": len(user.takes[0]),
        "tested": len(user.takes[1]),
        "before": result.before,
        "after": result.after,
        **comparison.to_json(),
        "ram": asdict(footprint) | {"total": footprint.ram} if footprint else None,
        "losses": record.losses,
        "tests": record.tests,
        "ranges": record.ranges,
    }
