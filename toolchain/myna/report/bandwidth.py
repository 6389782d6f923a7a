# SPDX-License-Identifier: Apache-2.0
"""Accuracy of federations against the bytes that their updates take, as a picture.

``python -m myna.report.bandwidth PICTURE.png RESULT.json …`` draws results of ``myna federate``
that differ in ``--bits-up`` alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click
from matplotlib.figure import Figure

from myna.errors import MynaError
from myna.report.picture import BLUE, ORANGE, save_picture
from myna.report.results import Result, read_result

UP = "bytes_up_per_client_round"
SAME = ("command", "model", "data", "speakers", "unseen", "rounds", "strategy", "seed", "train")
DRAWN = {"after": ("for everybody", BLUE), "personalized": ("personalized", ORANGE)}
SHARE = 32  # of float32, the aim


def draw_bandwidth(results: Sequence[Result], path: Path) -> None:
    """Draw accuracy of unseen speakers over bytes up, which grow as a logarithm.

    Args:
        results: of ``myna federate``.
        path: a PNG file to write.

    Raises:
        MynaError: they are of different federations, or the file cannot be written.
    """
    if len({json.dumps([one[field] for field in SAME]) for one in results}) != 1:
        raise MynaError(
            "results are of different federations",
            where="bandwidth",
            fix="run `myna federate` with the same options but for --bits-up",
        )
    ordered, first = sorted(results, key=lambda one: float(one[UP])), results[0]
    figure = Figure(figsize=(7, 4), dpi=130, layout="constrained")
    axes = figure.subplots()
    for field, (title, color) in DRAWN.items():
        means = [one[field]["mean"] for one in ordered]
        halves = [one[field]["ci95"] or 0 for one in ordered]
        axes.errorbar([one[UP] for one in ordered], means, halves, None, "o-", color=color,
                      capsize=3, label=title)  # fmt: skip
    axes.axvline(first["float32_bytes"] / SHARE, color="grey", ls=":", label=f"float32 / {SHARE}")
    axes.set_xscale("log")
    axes.set_xlabel("bytes up of a client in a round")
    axes.set_ylabel("right of unseen speakers' takes (%)")
    axes.set_ylim(0, 103)
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right")
    name = Path(first["model"]).name
    title = f"{name}, {first['data']}: {first['clients']} clients, {first['rounds']} rounds"
    figure.suptitle(title, fontsize=11)
    save_picture(figure, path)


@click.command()
@click.argument("picture", type=click.Path(path_type=Path, dir_okay=False))
@click.argument(
    "results", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
def main(picture: Path, results: Sequence[Path]) -> None:
    """Draw RESULTS into PICTURE."""
    found = [read_result(path, _drawn, "of `myna federate`") for path in results]
    draw_bandwidth(found, picture)


def _drawn(result: Result) -> Result:
    return {field: result[field] for field in (*SAME, *DRAWN, UP, "float32_bytes", "clients")}


if __name__ == "__main__":
    main()
