# SPDX-License-Identifier: Apache-2.0
"""Results of ``myna compare`` as tables of a document.

``python -m myna.report.tables RESULT.json DOCUMENT.md [--plot FILE.png]`` replaces what stands
between the document's lines ``<!-- COMPARISON begin -->`` and ``<!-- COMPARISON end -->``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from myna.evaluation.evaluate import mean_difference
from myna.report.markdown import insert, percent, table
from myna.report.tradeoff import draw_tradeoff

Result = Mapping[str, Any]


def render(result: Result) -> str:
    """The Markdown of a comparison: who was asked, and a table for each part or for all.

    Args:
        result: what ``myna compare --json`` wrote.
    """
    users = len(result["parts"][0]["trials"][0]["speakers"])
    asked = f"`myna compare {result['comparison']} {result['model']}`, {users} users"
    asked += f" × {result['sets']} sets of words" if result["sets"] > 1 else ""
    return f"{asked}\n\n{TABLES[result['comparison']](result['parts'])}"


def _what_to_train(parts: Sequence[Result]) -> str:
    shots = [f"{part['shots']} shot{'s' if part['shots'] > 1 else ''}" for part in parts]
    header = ["Train", *(f"{s}: new, known" for s in shots), "RAM", "memories", "MACs"]
    rows = []
    for trials in zip(*(part["trials"] for part in parts), strict=True):
        row = trials[0]
        accuracy = [f"{_mean(t['after'])}, {_mean(t['known_after'])}" for t in trials]
        memories = f"{row['memories']} in {row['memory_bytes']:,} B"
        work = f"{row['step_macs'] / 1e6:.1f} M, {row['rehearsal_macs'] / 1e6:.1f} M"
        rows.append([row["name"], *accuracy, f"{row['ram']:,} B", memories, work])
    return table(header, rows)


def _ablation(parts: Sequence[Result]) -> str:
    return "\n\n".join(map(_ablation_part, parts))


def _ablation_part(part: Result) -> str:
    header = ["Choice", "new words", "beyond the first row", "known words", "beyond", "RAM"]
    first = part["trials"][0]
    rows = [
        [
            row["name"],
            _mean(row["after"]),
            _beyond(row, first, "after"),
            _mean(row["known_after"]),
            _beyond(row, first, "known_after"),
            "" if _in_real_numbers(row) else f"{row['ram']:,} B",
        ]
        for row in part["trials"]
    ]
    return f"*{part['title'].capitalize()}*\n\n{table(header, rows)}"


def _beyond(row: Result, first: Result, field: str) -> str:
    """Mean difference user by user, and half its 95 % interval, in percentage points."""
    if row is first:
        return ""
    found = mean_difference(row["per_speaker"], first["per_speaker"], field)
    half = found["ci95"]
    return f"{found['mean']:+.1f}" + ("" if half is None else f" ± {half:.1f}")


def _in_real_numbers(row: Result) -> bool:
    return bool(row["name"].startswith("float"))


def _mean(value: Mapping[str, float | None]) -> str:
    return percent(value, interval=False)


TABLES: Mapping[str, Callable[[Sequence[Result]], str]] = {
    "what-to-train": _what_to_train,
    "ablation": _ablation,
}


@click.command()
@click.argument("result", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("document", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw it, too.")
def main(result: Path, document: Path, plot: Path | None) -> None:
    """Put the table of RESULT into DOCUMENT."""
    found = json.loads(result.read_text("utf-8"))
    text = insert(document.read_text("utf-8"), found["comparison"], render(found))
    document.write_text(text, "utf-8")
    if plot is not None:
        draw_tradeoff(found["parts"], plot)


if __name__ == "__main__":
    main()
