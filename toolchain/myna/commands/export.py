# SPDX-License-Identifier: Apache-2.0
"""``myna export``: take along what a board has learned."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import click

from myna.commands.common import (
    progress,
    require_front_end,
    streaming_option,
    training_options,
)
from myna.errors import MynaError
from myna.files import write_file
from myna.package.library import HEADER, write_library
from myna.passes.pipeline import Options
from myna.project import MODELS, Project, open_project, project_of, running
from myna.sessions.checkpoint import Checkpoint, load_checkpoint, read_board, save_checkpoint
from myna.sessions.export import Exported, export_model, identity_of
from myna.tflite.c_array import c_header

SAVED, NETWORK = ".npz", ".tflite"


@click.command()
@click.argument("model", type=click.Path(path_type=Path), required=False)
@click.option("--port", help="Serial port or pyserial URL of a board that runs MODEL.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A state saved before, FILE.npz; without it and --port: MODEL before any training.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="FILE.tflite: the network. FILE.npz: the state of the board, for `myna restore`.",
)
@click.option(
    "--c-array",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The bytes of FILE.tflite as a C header, for firmware.",
)
@click.option(
    "--library",
    type=click.Path(path_type=Path),
    help="A folder: MODEL and the runtime that runs and trains it, for your own firmware.",
)
@training_options
@streaming_option
def export(
    model: Path | None,
    port: str | None,
    state: Path | None,
    output: Path | None,
    c_array: Path | None,
    library: Path | None,
    chosen: Options,
    streaming: bool,
) -> None:
    """Take along what a board has learned.

    MODEL is the folder of what the board runs, by default the one of its name in models. An
    exported network has an output for each class in use and runs under TFLite-Micro with the
    results of the board; labels and the parameters of the front end are in its metadata.

    Options about training, and --streaming, are for --library alone, whose words are none yet.
    """
    asked = replace(chosen, streaming=streaming)
    if library:
        _library(model, asked, library, (output, c_array, port, state))
        return
    if asked != Options(train="head"):
        raise MynaError(
            "options about training change nothing about an exported network",
            where="myna export",
            fix="leave them out, or name a --library",
        )
    kind = _kind(model, output, c_array, port, state)
    project, checkpoint = _opened(model, port, state)
    if kind == SAVED and output and checkpoint:
        save_checkpoint(checkpoint, output)
        click.echo(
            f"{output}: {len(checkpoint.state)} bytes of state after {checkpoint.step} steps, "
            f"CRC {checkpoint.crc:08x}"
        )
    if kind == NETWORK or c_array:
        _network(export_model(project, checkpoint), output if kind == NETWORK else None, c_array)


def _library(model: Path | None, asked: Options, folder: Path, others: Collection[object]) -> None:
    """Write model and runtime to a folder.

    Raises:
        MynaError: no model is named, or something else is asked for, too.
    """
    if model is None or any(others):
        raise MynaError(
            "a library is made of a MODEL, and of nothing else",
            where="myna export --library",
            fix="myna export MODEL --library DIR",
        )
    require_front_end(model)
    project = open_project(model, asked)
    write_library(project.generated, project.package.model.model.name, folder)
    program = project.program
    click.echo(
        f"{folder}: {program.arena_bytes} bytes of arena, {program.state_bytes} of state; "
        f"include {HEADER}, which says how to use it"
    )


def _network(exported: Exported, output: Path | None, header: Path | None) -> None:
    """Write the network to a file, and perhaps to a C header."""
    if output:
        write_file(output, exported.data)
    if header:
        write_file(header, c_header(exported.data, header.stem, exported.description).encode())
    for path in filter(None, (output, header)):
        click.echo(f"{path}: {exported.description}, {len(exported.data)} bytes")


def _kind(
    model: Path | None,
    output: Path | None,
    header: Path | None,
    port: str | None,
    state: Path | None,
) -> str | None:
    """What `output` is to be, by its suffix.

    Raises:
        MynaError: the options contradict each other, or ask for nothing.
    """
    problem = None
    if output is None and header is None:
        problem = "nothing is asked for", "name a file: -o FILE.tflite, or --c-array FILE.h"
    elif model and model.suffix == SAVED:
        problem = f"{model}: is no model's folder", f"name a saved state so: --state {model}"
    elif output and output.suffix not in (SAVED, NETWORK):
        problem = f"{output}: the suffix says no format", f"call it FILE{NETWORK} or FILE{SAVED}"
    elif port and state:
        problem = "a board and a file are named", "choose one: --port or --state"
    elif output and output.suffix == SAVED and not port:
        problem = "a state is read from a board", f"name its --port, or a FILE{NETWORK}"
    if problem:
        raise MynaError(problem[0], where="myna export", fix=problem[1])
    return output.suffix if output else None


def _opened(
    model: Path | None, port: str | None, state: Path | None
) -> tuple[Project, Checkpoint | None]:
    """What is exported, and the state of a board or from a file; None if neither is named."""
    if state:
        checkpoint = load_checkpoint(state)
        options = Options.from_json(checkpoint.options, str(state))
        project = project_of(model or MODELS / checkpoint.model, options)
        identity_of(project).expect(checkpoint, state)
        return project, checkpoint
    if port:
        with running(port, model) as (session, project), progress("read the state") as report:
            return project, read_board(session, report)
    if model is None:
        raise MynaError("nothing is named", where="myna export", fix="name a MODEL, or a --port")
    return open_project(model), None
