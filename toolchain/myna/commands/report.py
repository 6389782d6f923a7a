# SPDX-License-Identifier: Apache-2.0
"""``myna report``: the rounds of a federation, or how often a word is missed."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import counted
from myna.errors import MynaError
from myna.federated.store import Store
from myna.report.det import draw_det, read_curves
from myna.report.rounds import HEAD, draw_rounds, summarize


@click.command()
@click.argument("results", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="PNG file to draw."
)
def report(results: Path, output: Path | None) -> None:
    """Show the rounds of the last run in RESULTS, a file of myna federate --results.

    Of a JSON file of myna evaluate --protocol stream, draw misses against false accepts.
    """
    if results.suffix == ".json":
        _report_stream(results, output)
        return
    with Store.latest(results) as store:
        rounds = summarize(store)
    if not rounds:
        raise MynaError("holds no whole round", where=str(results), fix="wait for the first")
    click.echo(HEAD)
    for one in rounds:
        click.echo(one.line)
    if output is not None:
        draw_rounds(rounds, f"{results.name}: {counted(len(rounds), 'round')}", output)


def _report_stream(result: Path, output: Path | None) -> None:
    found = read_curves(result)
    click.echo(found["title"])
    for name, curve in found["curves"].items():
        missed = (f"{one['mean']:.1f} % at {rate}" for rate, one in curve.items())
        click.echo(f"  {name}, misses by false accepts per hour: {', '.join(missed)}")
    if output is not None:
        draw_det(found, output)
