# SPDX-License-Identifier: Apache-2.0
"""``myna stop``: end a virtual board."""

from __future__ import annotations

import click

from myna.device import ports
from myna.errors import MynaError


@click.command()
@click.argument("board")
def stop(board: str) -> None:
    """End the virtual BOARD that `myna flash` has started. What it saved stays for the next one."""
    booted = ports.booted(ports.PORTS)
    if ports.PORTS / board not in booted:
        running = ", ".join(link.name for link in booted)
        raise MynaError(
            "no such virtual board runs",
            where=board,
            fix=f"name one of {running}" if running else "there is nothing to stop",
        )
    ports.halt(board, ports.PORTS)
    click.echo(f"{board} has stopped")
