# SPDX-License-Identifier: Apache-2.0
"""The recordings and the model that a command for a running board is given."""

from __future__ import annotations

from pathlib import Path

import click

from myna.errors import MynaError
from myna.sessions import enroll as enrollment

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
    paths: tuple[Path, ...], wav: tuple[Path, ...], examples: Path | None = None
) -> tuple[tuple[enrollment.Take, ...], Path | None]:
    """The takes in ``--wav`` and among the arguments, and the model's folder if it is named there.

    Raises:
        MynaError: there is no recording, one cannot be used, or there are ``--examples``, too.
    """
    models = [path for path in paths if (path / "architecture.json").is_file()]
    files = [path for path in paths if path not in models]
    model = models[0] if models else None
    if examples is None:
        return enrollment.read_takes(enrollment.find_takes((*wav, *files))), model
    if others := (*wav, *files):
        raise MynaError(
            "is a recording, and there are examples already",
            where=str(others[0]),
            fix="teach recordings or --examples, not both",
        )
    return (), model
