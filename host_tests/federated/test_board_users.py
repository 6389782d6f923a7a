# SPDX-License-Identifier: Apache-2.0
"""Which clients are users of boards: one of each, on boards that stay."""

from __future__ import annotations

from pathlib import Path

import pytest
from myna.errors import MynaError
from myna.evaluation.engine import EngineSpec
from myna.federated.board_users import users_of_boards
from support.voices import cohort

HOST, BOOTED = (EngineSpec(name, Path("model")) for name in ("host", "qemu_m4"))
PORT, OTHER = (EngineSpec("host", Path("model"), port=name) for name in ("/dev/a", "/dev/b"))


def test_the_user_of_a_board_has_no_codeword_that_is_known_here() -> None:
    found = users_of_boards(cohort().clients, (HOST, PORT, OTHER, HOST))
    assert [client.draws for client in found] == [False, True, True, False]
    assert [client.codeword is None for client in found] == [False, True, True, False]
    assert all(client.is_secret for client in found)


def test_engines_in_this_process_serve_any_number() -> None:
    assert users_of_boards(cohort().clients, (HOST,)) == cohort().clients


@pytest.mark.parametrize(
    ("engines", "says"),
    [
        ((HOST, PORT), "one user"),
        ((HOST, PORT, HOST, PORT), "one user"),
        ((HOST, BOOTED, HOST, HOST), "forgets its user's codeword"),
    ],
)
def test_a_board_without_a_user_of_its_own_is_refused(
    engines: tuple[EngineSpec, ...], says: str
) -> None:
    with pytest.raises(MynaError, match=says):
        users_of_boards(cohort().clients, engines)
