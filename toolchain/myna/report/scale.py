# SPDX-License-Identifier: Apache-2.0
"""What more clients cost a server, measured, as a table of a document.

``python -m myna.report.scale MODEL DOCUMENT.md`` replaces what stands between the document's lines
``<!-- scale begin -->`` and ``<!-- scale end -->``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from myna.federated.scale import Crowd, Scale, know, measure
from myna.report.markdown import insert, table

CLIENTS = 100, 300, 1000
SAMPLED = 30
ROUNDS = 12
DEVICES = 10**6
HEAD = (
    *("Clients", "asked in a round", "server: memory at most", "server: processor time a round"),
    *("a round, clients included", "bytes up, down a round"),
)


def render(found: Sequence[Scale], crowd: Crowd) -> str:
    """The table, and what follows from its last row for as many devices as the crowd has."""
    rows = [
        (
            f"{one.clients:,}",
            str(one.sampled),
            f"{one.memory / 1e6:.0f} MB",
            f"{1000 * one.server_seconds:.0f} ms",
            f"{one.round_seconds:.1f} s",
            f"{one.sampled * one.bytes_up:,}, {one.sampled * one.bytes_down:,}",
        )
        for one in found
    ]
    last, devices = found[-1], crowd.clients
    each = last.server_seconds / last.sampled
    up, down = (devices * size / 1e9 for size in (last.bytes_up, last.bytes_down))
    told = (
        table(HEAD, rows),
        "",
        f"A client that is asked costs the server {1000 * each:.2f} ms, {last.bytes_up:,} bytes up "
        f"and {last.bytes_down:,} down.",
        f"So {devices:,} devices, each asked once, cost {up:.1f} GB up, {down:.1f} GB down and "
        f"{devices * each / 60:.0f} minutes of one processor.",
        f"To know them all takes {crowd.memory / 1e6:.0f} MB, and {1000 * crowd.seconds:.0f} ms a "
        "round to draw those who are asked.",
    )
    return "\n".join(told)


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("document", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def main(model: Path, document: Path) -> None:
    """Measure servers with clients of MODEL, and put the table into DOCUMENT."""
    found = [measure(model, clients, SAMPLED, ROUNDS) for clients in CLIENTS]
    text = render(found, know(DEVICES, SAMPLED))
    document.write_text(insert(document.read_text("utf-8"), "scale", text), "utf-8")


if __name__ == "__main__":
    main()
