# SPDX-License-Identifier: Apache-2.0
"""What more clients cost a server, measured, as a table of a document.

``python -m myna.report.scale MODEL DOCUMENT.md`` replaces what stands between the document's lines
``<!-- scale begin -->`` and ``<!-- scale end -->``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from myna.federated.scale import Scale, measure
from myna.report.markdown import insert, table

CLIENTS = 100, 300, 1000
SAMPLED = 30
ROUNDS = 12
DEVICES = 10**6
HEAD = (
    *("Clients", "asked in a round", "server: memory at most", "server: processor time a round"),
    *("a round, clients included", "bytes up, down a round"),
)


def render(found: Sequence[Scale]) -> str:
    """The table, and what follows from its last row for a million devices."""
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
    last = found[-1]
    each = last.server_seconds / last.sampled
    up, down = (DEVICES * size / 1e9 for size in (last.bytes_up, last.bytes_down))
    return (
        f"{table(HEAD, rows)}\n\nA client that is asked costs the server {1000 * each:.2f} ms, "
        f"{last.bytes_up:,} bytes up and {last.bytes_down:,} down. So {DEVICES:,} devices, each "
        f"asked once, cost {up:.1f} GB up, {down:.1f} GB down and {DEVICES * each / 3600:.1f} "
        "hours of one processor; transport, which encrypts and waits, comes on top."
    )


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("document", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def main(model: Path, document: Path) -> None:
    """Measure servers with clients of MODEL, and put the table into DOCUMENT."""
    found = [measure(model, clients, SAMPLED, ROUNDS) for clients in CLIENTS]
    document.write_text(insert(document.read_text("utf-8"), "scale", render(found)), "utf-8")


if __name__ == "__main__":
    main()
