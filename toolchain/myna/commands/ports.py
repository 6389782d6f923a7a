# SPDX-License-Identifier: Apache-2.0
"""``myna ports``: where boards can be reached."""

from __future__ import annotations

from pathlib import Path

import click

from myna.commands.common import json_option, write_json
from myna.device import ports as running


@click.command()
@json_option
def ports(json_file: Path | None) -> None:
    """List the ports of virtual boards that run, and of what is plugged in."""
    virtual, serial = [str(link) for link in running.booted(running.PORTS)], running.plugged_in()
    for link in virtual:
        click.echo(f"{link}: virtual board")
    for device, description in serial.items():
        click.echo(f"{device}: {description}")
    if not virtual and not serial:
        click.echo("no board: plug one in, or start a virtual one: myna flash models/kws")
    write_json(json_file, "ports", {"virtual": virtual, "serial": serial})
