# SPDX-License-Identifier: Apache-2.0
"""``myna boards``: what firmware can be built for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from myna.commands.common import json_option, write_json
from myna.device.target import BOARDS, REAL, missing_programs


@click.command()
@json_option
def boards(json_file: Path | None) -> None:
    """List the boards that firmware can be built for, and what this machine lacks for each."""
    found: list[dict[str, Any]] = [
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
    for entry in found:
        how = "real" if entry["kind"] == REAL else "virtual"
        lacks = f"; not installed: {', '.join(entry['missing'])}" if entry["missing"] else ""
        size = f"RAM {entry['ram'] >> 10} KiB, flash {entry['flash'] >> 10} KiB"
        click.echo(f"{entry['board']:12} {entry['title']}, {how}; {size}{lacks}")
    write_json(json_file, "boards", {"boards": found})
