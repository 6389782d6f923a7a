# SPDX-License-Identifier: Apache-2.0
"""``myna import``: a network from elsewhere as a model's folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from myna.commands.common import names
from myna.errors import MynaError
from myna.files import whole_folder, write_file
from myna.frontend.model import load_architecture
from myna.ops.loss import MAX_CLASSES
from myna.package.importing import OBSOLETE, ImportRequest, import_keras, import_tflite
from myna.package.needs import Needs
from myna.package.package import CLASSES, Package
from myna.passes.lowering.lower import lower
from myna.passes.macs import macs
from myna.passes.pipeline import Options, compile_model

NO_FRONT_END = "none"
CARD, MADE_BY = "README.md", "`myna import"
IMPORTERS = {".tflite": import_tflite, ".keras": import_keras}


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The model's folder.")
@click.option("--name", help="Name of the model; by default that of the folder.")
@click.option("--labels", help="A,B,...: one per output; by default those in the file, or numbers.")
@click.option(
    "--calibration",
    type=click.Path(path_type=Path, dir_okay=False),
    help="FILE.npz: features (int8, or real numbers) and labels.",
)
@click.option(
    "--classes",
    type=click.IntRange(1, MAX_CLASSES),
    default=CLASSES,
    show_default=True,
    help="Output rows, with room for new words.",
)
@click.option(
    "--front-end",
    help="A model's folder whose audio front end makes the features, or none; by default what the "
    "file says.",
)
@click.option("--reconstruct", is_flag=True, help="Train it to reconstruct its input.")
def import_(
    file: Path,
    out: Path,
    name: str | None,
    labels: str | None,
    calibration: Path | None,
    classes: int,
    front_end: str | None,
    reconstruct: bool,
) -> None:
    """Make a model's folder of FILE: an int8 .tflite network, or a float .keras one."""
    if file.suffix not in IMPORTERS:
        raise MynaError(
            "is no network that can be imported" if file.exists() else "no such file",
            where=str(file),
            fix=f"name a file that ends in {' or '.join(IMPORTERS)}",
        )
    _expect_own(out)
    audio = None if front_end is None else _front_end(front_end)
    request = ImportRequest(
        name or out.name, names(labels), calibration, classes, audio, reconstruct
    )
    with whole_folder(out, OBSOLETE) as draft:
        imported = IMPORTERS[file.suffix](file, request, draft)
        lines = list(_summary(imported.package))
        listed = "".join(f"- {line}\n" for line in (*lines, *imported.notes))
        card = f"# {request.name}\n\nMade by {MADE_BY} {file.name}`.\n\n{listed}"
        write_file(draft / CARD, card.encode())
    click.echo("\n".join(lines))
    for note in imported.notes:
        click.secho(f"warning: {note}", fg="yellow", err=True)


def _expect_own(folder: Path) -> None:
    """A folder may be made again, but not of another model."""
    try:
        own = MADE_BY in (folder / CARD).read_text("utf-8")
    except (OSError, ValueError):
        own = False
    for name, what in (("architecture.json", "another model"), (CARD, f"another {CARD}")):
        if (folder / name).exists() and not own:
            raise MynaError(f"holds {what}", where=str(folder), fix="name a new folder")


def _front_end(choice: str) -> Mapping[str, Any]:
    """The front end of a model's folder; empty for none."""
    if choice == NO_FRONT_END:
        return {}
    audio = load_architecture(Path(choice)).audio
    if not audio:
        raise MynaError("hears nothing", where=choice, fix="name a model with a front end")
    return audio


def _summary(package: Package) -> Iterator[str]:
    """What was imported, and what learning takes."""
    model, graph = package.model.model, lower(package.model)
    trained = [layer.name for layer in model.layers if layer.name in package.model.weights]
    made = f"{len(model.labels)} classes in {package.rows} rows" if model.labels else "itself"
    yield f"{model.name}: {'×'.join(map(str, model.input_shape))} int8 -> {made}"
    yield (
        f"{len(model.layers)} layers, {model.parameters} parameters, "
        f"{macs(graph, graph.nodes)} multiply-accumulates"
    )
    yield f"{len(trained)} layers can be trained: {', '.join(trained)}"
    for train in ("head", "all"):
        options = Options(train=train, replay=0)
        ranges = package.ranges_of(options.ranges)
        program = compile_model(package.model, ranges, options, package.knowledge)
        needs = Needs.of(program, has_front_end=package.has_front_end)
        yield (
            f"--train {train}: {needs.total(0)} bytes of RAM (arena {needs.arena}, state "
            f"{needs.state}, firmware {needs.firmware}, stack {needs.stack}), "
            f"and {needs.clip} for each example kept; {macs(program.graph, program.graph.nodes)} "
            "multiply-accumulates a step"
        )
