# SPDX-License-Identifier: Apache-2.0
"""Pieces of Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from myna.errors import MynaError


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(value: Mapping[str, float | None], *, interval: bool = True) -> str:
    """A mean in percent, with half its 95 % interval if there is one."""
    half = value["ci95"] if interval else None
    return f"{value['mean']:.1f} %" if half is None else f"{value['mean']:.1f} ± {half:.1f} %"


def insert(document: str, name: str, text: str) -> str:
    """The document with `text` between its lines ``<!-- name begin -->`` and ``<!-- name end -->``.

    Raises:
        MynaError: it has no such lines.
    """
    begin, end = f"<!-- {name} begin -->", f"<!-- {name} end -->"
    if document.count(begin) != 1 or document.count(end) != 1:
        raise MynaError(f"the document lacks {begin} … {end}", fix="add the two lines")
    head, rest = document.split(begin)
    return f"{head}{begin}\n{text}\n{end}{rest.split(end)[1]}"
