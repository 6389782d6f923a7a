# SPDX-License-Identifier: Apache-2.0
"""The recordings and the model that a command for a running board is given."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import require_front_end
from myna.errors import MynaError
from myna.sessions.recordings import Take, find_takes, read_takes

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
    paths: tuple[Path, ...], wav: tuple[Path, ...]
) -> tuple[tuple[Take, ...], Path | None]:
    """The takes in ``--wav`` and among the arguments, and the model's folder if it is named there.

    Raises:
        MynaError: there is no recording, one cannot be used, or the model hears nothing.
    """
    model, files = split(paths)
    if model:
        require_front_end(model)
    return read_takes(find_takes((*wav, *files))), model


def split(paths: tuple[Path, ...]) -> tuple[Path | None, tuple[Path, ...]]:
    """The model's folder among some paths, if it is there, and all others."""
    models = [path for path in paths if (path / "architecture.json").is_file()]
    return models[0] if models else None, tuple(path for path in paths if path not in models)


def refuse_recordings(recordings: tuple[Path, ...]) -> None:
    """Raise a MynaError if there are recordings beside examples in a file."""
    if recordings:
        raise MynaError(
            "is a recording, and there are examples already",
            where=str(recordings[0]),
            fix="teach recordings or --examples, not both",
        )
