# SPDX-License-Identifier: Apache-2.0
"""``myna flash``: put a model on a board; a virtual board is booted and stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from myna.commands.common import (
    board_option,
    model_argument,
    streaming_option,
    training_options,
)
from myna.device import ports
from myna.device.session import Board
from myna.device.status import Status
from myna.errors import MynaError
from myna.passes.pipeline import Options
from myna.project import open_project
from myna.sessions.checkpoint import Checkpoint, keep, read_board, save_checkpoint
from myna.sessions.words import read_words


@click.command()
@model_argument
@board_option("qemu_m4")
@training_options
@streaming_option
def flash(model: Path, board: str, chosen: Options, streaming: bool) -> None:
    """Build MODEL for a board, boot it there and say where its port is.

    Words that the board had learned stay with it if it is built as before. If not, they are saved
    in a file first. The takes that it stored are not kept.
    """
    project = open_project(model, replace(chosen, streaming=streaming))
    firmware = project.firmware(board)  # first: where nothing is built, nothing is lost
    words, before = _learned(board)
    stay = before is not None and before.fingerprint == project.fingerprint
    if before and not stay:
        file = ports.PORTS / f"{board}-{before.fingerprint:08x}.npz"
        save_checkpoint(before, file)
        click.echo(
            f"{words} cannot stay: this is another build. Saved in {file}: to have them "
            f"back, flash as before ({_options(before)}), then myna restore {file}"
        )
    port = ports.boot(board, firmware.elf, ports.PORTS)
    with Board.connect(str(port), fingerprint=project.fingerprint) as session:
        if before and stay and session.read_state() != before.state:
            session.write_state(before.state)
            keep(session)
        if Status(session.status().storage) is Status.OTHER_MODEL:
            click.echo(
                "its storage holds words of another build, which the next enrollment "
                "overwrites: to have them back, flash as before"
            )
        click.echo(f"{session.info.board} runs {session.info.model}; port {port}")


def _options(checkpoint: Checkpoint) -> str:
    return Options.from_json(checkpoint.options, "the board").command_line()


def _learned(board: str) -> tuple[str, Checkpoint | None]:
    """The words of the board that runs in this one's place, said, and its state if it has any."""
    link = ports.PORTS / board
    if link not in ports.booted(ports.PORTS):
        return "", None
    try:
        with Board.connect(str(link)) as session:
            words = read_words(session)
            return ", ".join(words), read_board(session) if words else None
    except MynaError as error:
        click.echo(f"what ran there does not answer; what it had not saved is lost ({error})")
        return "", None
