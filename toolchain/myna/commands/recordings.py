# SPDX-License-Identifier: Apache-2.0
"""The recordings and the model that a command for a running board is given."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import require_front_end
from myna.device.target import PROJECT
from myna.errors import MynaError
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from myna.sessions import enroll as enrollment

MODEL = PROJECT / "models" / "kws"

model_and_files = click.argument(
    "paths", nargs=-1, type=click.Path(path_type=Path), metavar="[MODEL] [FILE]…"
)
wav_option = click.option(
    "--wav", type=click.Path(path_type=Path), multiple=True, help="A recording, or a folder."
)


examples_option = click.option(
    "--examples",
    type=click.Path(path_type=Path, dir_okay=False),
    help="FILE.npz instead of recordings: features of one class, as for `myna import`.",
)


def open_recordings(
    paths: tuple[Path, ...], wav: tuple[Path, ...], chosen: Options
) -> tuple[tuple[enrollment.Take, ...], Project]:
    """The takes in ``--wav`` and among the arguments, and the model named there or `MODEL`.

    Raises:
        MynaError: there is no recording, one cannot be used, or the model is missing or deaf.
    """
    model, files = _split(paths)
    require_front_end(model)
    takes = enrollment.read_takes(enrollment.find_takes((*wav, *files)))
    return takes, open_project(model, chosen)


def open_features(
    paths: tuple[Path, ...], wav: tuple[Path, ...], examples: Path, chosen: Options
) -> tuple[tuple[enrollment.Example, ...], Project]:
    """The examples in a file, and the model named among the arguments or `MODEL`.

    Raises:
        MynaError: there are recordings, too; the file cannot be used, or the model is missing.
    """
    model, files = _split(paths)
    if others := (*wav, *files):
        raise MynaError(
            "is a recording, and there are examples already",
            where=str(others[0]),
            fix="teach recordings or --examples, not both",
        )
    return enrollment.read_features(examples, model), open_project(model, chosen)


def _split(paths: tuple[Path, ...]) -> tuple[Path, tuple[Path, ...]]:
    """The model among some paths, by default `MODEL`, and all others."""
    models = [path for path in paths if (path / "architecture.json").is_file()]
    return models[0] if models else MODEL, tuple(path for path in paths if path not in models)
