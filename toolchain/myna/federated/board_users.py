# SPDX-License-Identifier: Apache-2.0
"""Clients who are the users of boards: each board draws the codeword of one, and tells nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from myna.errors import MynaError
from myna.evaluation.engine import EngineSpec
from myna.federated.client import Client


def users_of_boards(clients: Sequence[Client], engines: Sequence[EngineSpec]) -> tuple[Client, ...]:
    """The same clients; of those who are served by a board no codeword is known.

    Args:
        clients: who take turns on
        engines: in their order.

    Raises:
        MynaError: a board would serve several users, or forget its user in the end.
    """
    for spec in engines:
        if spec.on_board and spec.port is None:
            raise MynaError(
                "a board that is booted here forgets its user's codeword when all is done",
                where=f"engine {spec.name}",
                fix=f"boot it by `myna flash MODEL --board {spec.name}`, and name its port",
            )
    ports = [spec.port for spec in engines if spec.port is not None]
    if ports and (len({*ports}) < len(ports) or len(clients) > len(engines)):
        raise MynaError(
            "a board has one user, and draws one codeword",
            where="engines",
            fix=f"name {len(clients)} of them, each port once, such as host,host,PORT",
        )
    return tuple(
        replace(client, codeword=None, draws=True) if ports and engines[n].port else client
        for n, client in enumerate(clients)
    )
