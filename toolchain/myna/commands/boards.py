# SPDX-License-Identifier: Apache-2.0
"""``myna boards``: what firmware can be built for."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import json_option, write_json
from myna.device.target import BOARDS, REAL, missing_programs


@click.command()
@json_option
def boards(json_file: Path | None) -> None:
    """List the boards that firmware can be built for, and what this machine lacks for each."""
    found = [
        {
            "board": board.name,
            "title": board.title,
            "kind": board.kind,
            "cpu": board.cpu,
            "ram": board.ram_bytes,
            "flash": board.flash_bytes,
            "missing": missing_programs(board),
        }
        for board in BOARDS.values()
    ]
    write_json(json_file, "boards", {"boards": found})
    for board in BOARDS.values():
        how = "real" if board.kind == REAL else "virtual"
        missing = missing_programs(board)
        lacks = f"; not installed: {', '.join(missing)}" if missing else ""
        size = f"RAM {board.ram_bytes >> 10} KiB, flash {board.flash_bytes >> 10} KiB"
        click.echo(f"{board.name:12} {board.title}, {how}; {size}{lacks}")
