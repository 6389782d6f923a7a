# SPDX-License-Identifier: Apache-2.0
"""The recordings and the model that a command for a running board is given."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import require_front_end
from myna.sessions import enroll as enrollment

model_and_files = click.argument(
    "paths", nargs=-1, type=click.Path(path_type=Path), metavar="[MODEL] [FILE]…"
)
wav_option = click.option(
    "--wav", type=click.Path(path_type=Path), multiple=True, help="A recording, or a folder."
)


def open_recordings(
    paths: tuple[Path, ...], wav: tuple[Path, ...]
) -> tuple[tuple[enrollment.Take, ...], Path | None]:
    """The takes in ``--wav`` and among the arguments, and the model's folder if it is named there.

    Raises:
        MynaError: there is no recording, one cannot be used, or the model hears nothing.
    """
    models = [path for path in paths if (path / "architecture.json").is_file()]
    files = [path for path in paths if path not in models]
    for model in models:
        require_front_end(model)
    takes = enrollment.read_takes(enrollment.find_takes((*wav, *files)))
    return takes, models[0] if models else None
