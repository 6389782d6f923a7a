# SPDX-License-Identifier: Apache-2.0
"""``myna verify``: bit-exact check, reference against device."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from myna.commands.common import (
    board_option,
    json_option,
    model_argument,
    port_option,
    progress,
    verification_options,
    write_json,
)
from myna.device.session import Board
from myna.engines.verify import Verifier, verify_steps
from myna.package.calibration import load_calibration
from myna.passes.pipeline import Options
from myna.project import Project, open_project, running

CLIPS = 40


@click.command()
@model_argument
@board_option("host")
@port_option
@click.option(
    "--steps",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="Training steps to compare.",
)
@click.option("--yes", is_flag=True, help="Forget a board's clips without asking.")
@verification_options
@json_option
def verify(
    model: Path,
    board: str,
    port: str | None,
    steps: int,
    yes: bool,
    chosen: Options,
    json_file: Path | None,
) -> None:
    """Train MODEL on a board and in the reference; every tensor of every step must be equal.

    A running board (--port) says itself how it was compiled. It has its state back afterwards;
    clips that it stores are forgotten.
    """
    started = running(port, model) if port else _started(open_project(model, chosen), board)
    with started as (session, project), _put_back(session, yes):
        board = session.info.board
        features, labels = load_calibration(model)
        count = min(CLIPS, project.options.clips)
        clips = list(zip(features[:count], labels[:count].tolist(), strict=True))
        verifier = Verifier(project.program, session, clips)
        with progress(f"verify on {board}") as report:
            result = verify_steps(verifier, steps, report)
    click.echo(
        f"{board}: {result.steps} steps, {result.compared} digests compared, "
        f"{result.differences} differences; {result.steps / result.seconds:.0f} steps a second"
    )
    if result.first is not None:
        click.secho(f"first difference: {result.first}", fg="red", err=True)
    write_json(json_file, "verify", {"model": str(model), "board": board} | result.to_json())
    if result.first is not None:
        sys.exit(1)


@contextmanager
def _started(project: Project, board: str) -> Iterator[tuple[Board, Project]]:
    with project.connect(board) as session:
        yield session, project


@contextmanager
def _put_back(session: Board, yes: bool) -> Iterator[None]:
    """Around what replaces state and clips; only the state can be had back."""
    status = session.status()
    if status.clips and not yes:
        click.confirm(
            f"The board stores {status.clips} clips of its words. Forget them? It keeps the words,"
            " but the next enrollment will not train on these clips",
            abort=True,
        )
    state = None if status.state_incomplete else session.read_state()
    try:
        yield
    finally:
        session.clear_clips()
        if state is not None:
            session.write_state(state)
