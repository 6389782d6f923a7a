# SPDX-License-Identifier: Apache-2.0
"""Instruction counts of several boards side by side, beside those of other projects.

``python -m myna.report.counts DOCUMENT.md RESULT.json…`` replaces what stands between the lines
``<!-- counts begin -->`` and ``<!-- counts end -->`` of the document by a table of results of
`myna bench`, a column for each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from myna.errors import MynaError
from myna.report.markdown import insert, table

# Instructions per MAC of other projects' kernels on the same shapes, counted in the same emulator
# on builds at -O2: Cortex-M3, M4F, M55. Gradients are float32 there; sources in DESIGN.md.
PEERS = {
    "pointwise forward": "CMSIS-NN 3.11, 2.09, 0.40",
    "pointwise grad_input": "M4F: PULP-TrainLib 1.77, TinyEngine 5.86",
    "pointwise update": "M4F: PULP-TrainLib 1.65 without the update, TinyEngine 3.89",
    "depthwise forward": "CMSIS-NN 9.24, 7.79, 2.34",
    "depthwise grad_input": "M4F: TinyEngine 4.61, PULP-TrainLib 32.5",
    "depthwise update": "M4F: PULP-TrainLib 15.6 without the update",
    "stem forward": "CMSIS-NN 4.30, 3.49, 0.96",
    "inference": "DS-CNN: CMSIS-NN 10.5 M, 7.66 M, 1.81 M",
}
SECTIONS = {
    "features_1s": "features of one second",
    "inference": "inference",
    "train_step": "training step",
    "enroll": "enrollment, 5 words × 5 takes",
}

Result = Mapping[str, Any]


def render(results: Sequence[Result]) -> str:
    """The Markdown table of results of one model on several boards.

    Raises:
        MynaError: they are of different models, or no results of `myna bench`.
    """
    try:
        models = {(result["model"], result["train"]) for result in results}
        if len(models) != 1:
            raise MynaError("results of one model and plan belong into a table", where=str(models))
        header = ["", *(result["board"] for result in results), "others"]
        return table(header, [*_kernels(results), *_sections(results)])
    except (KeyError, TypeError) as error:
        raise _no_result(error) from error


def read(path: Path) -> Result:
    """A result from its file.

    Raises:
        MynaError: the file is no result of `myna bench`.
    """
    try:
        result: Result = json.loads(path.read_text("utf-8"))
        render([result])  # what is missing shows here, where the file is known
    except ValueError as error:
        raise _no_result(error, str(path)) from error
    except MynaError as error:
        raise MynaError(error.what, where=str(path), fix=error.fix) from error
    return result


def _no_result(error: Exception, where: str = "") -> MynaError:
    return MynaError(
        f"is no result of myna bench ({type(error).__name__}: {error})",
        where=where,
        fix="make it with myna bench --json",
    )


def _kernels(results: Sequence[Result]) -> list[list[str]]:
    columns = [{k["name"]: k for k in result["kernels"] if k["macs"]} for result in results]
    return [
        [
            f"{name}, instructions per MAC",
            *(f"{column[name]['instructions_per_mac']:.2f}" for column in columns),
            PEERS.get(name, ""),
        ]
        for name in columns[0]
    ]


def _sections(results: Sequence[Result]) -> list[list[str]]:
    return [
        [
            f"{title}, instructions",
            *(f"{result[name]['instructions'] / 1e6:,.2f} M" for result in results),
            PEERS.get(name, ""),
        ]
        for name, title in SECTIONS.items()
        if all(result[name] for result in results)
    ]


@click.command()
@click.argument("document", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument(
    "results", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
def main(document: Path, results: tuple[Path, ...]) -> None:
    """Put a table of RESULTS, files that `myna bench --json` wrote, into DOCUMENT."""
    found = [read(path) for path in results]
    document.write_text(insert(document.read_text("utf-8"), "counts", render(found)), "utf-8")


if __name__ == "__main__":
    main()
