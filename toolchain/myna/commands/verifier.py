# SPDX-License-Identifier: Apache-2.0
"""``myna verifier``: a model that tells its user."""

from __future__ import annotations

from pathlib import Path

import click

from myna.audio.dataset import Heard
from myna.commands.common import model_argument, require_front_end
from myna.commands.evaluation_options import code_length_option
from myna.errors import MynaError
from myna.federated.codebook import code
from myna.files import whole_folder
from myna.package.verifier import make_verifier


@click.command()
@model_argument
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The new model's folder."
)
@code_length_option
def verifier(model: Path, out: Path, code_length: int) -> None:
    """Make a model that tells its user by a secret codeword (FedUV), of MODEL's first layers.

    Build it with --train head, then `myna enroll FOLDER --owner` and `myna verify-user`. It knows
    no words. MODEL must be a folder with its calibration.npz, such as models/kws.
    """
    require_front_end(model)
    if (out / "architecture.json").exists():
        raise MynaError("holds a model", where=str(out), fix="name a new folder")
    rows, heard = code(code_length), Heard.load(model)
    with whole_folder(out) as draft:
        make_verifier(model, draft, code_length, name=out.name, code=rows)
        if heard.speakers:  # who may not be examined by it either
            heard.save(draft)
    click.echo(f"written: {out}, {1 << len(rows)} codewords of {code_length} bits")
