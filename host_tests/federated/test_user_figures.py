# SPDX-License-Identifier: Apache-2.0
"""What is said of users: the contract's fields, of those whose codewords are known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from myna.federated.result import result
from myna.federated.store import Store
from myna.federated.user_figures import EXAMINED, MEANINGLESS
from myna.federated.users import NOBODY
from support.federations import quiet
from support.voices import LENGTH, USERS, cohort, federation, users


@cache
def found(draws: int = 0) -> dict[str, Any]:
    """After a federation; of so many clients the codeword is unknown when they are examined."""
    asked = federation(rounds=6)
    with Store.open(None, {}, resume=False) as store:
        asked.run(store, quiet)
        own = [replace(c, codeword=None, draws=True) for c in cohort().clients[:draws]]
        clients = (*own, *cohort().clients[draws:])
        return result(replace(asked, cohort=replace(cohort(), clients=clients)), store, quiet)


def test_the_contract_has_error_rates_where_they_mean_something() -> None:
    report = found()
    assert report["before"] == {"mean": 50.0, "ci95": 0.0}  # nothing is told before it is learned
    assert report["after"]["mean"] == report["unseen"]["eer"] < 25
    low, high = report["unseen"]["eer_ci95"]
    assert report["after"]["ci95"] == (high - low) / 2
    for name in ("local_only", "personalized"):
        assert -1e-9 < report[name]["mean"] < 40
    assert [report[name] for name in MEANINGLESS] == [None] * len(MEANINGLESS)
    for block in (report, report["seen"], report["unseen"]):
        assert list(block["tpr_at_fpr"]) == ["1", "5", "10"]
    assert (report["code_length"], report["unseen_speakers"]) == (LENGTH, 2)


def test_users_of_boards_are_left_out_as_users_and_stay_as_impostors() -> None:
    rest = users().first([1, 3])
    assert [user.speaker for user in rest.seen] == ["user 1", "user 3"]
    assert (rest.owner == NOBODY).tolist() == (users().owner == NOBODY).tolist()
    for number, before in enumerate((1, 3, 0, 2)):
        assert np.array_equal(rest.owner == number, users().owner == before)
    assert -1e-9 < found(draws=2)["after"]["mean"] < 25
    assert found(draws=2)["after"] != found()["after"]


def test_where_no_codeword_is_known_nothing_is_measured() -> None:
    report = found(draws=USERS)
    assert [report[name] for name in EXAMINED] == [None] * len(EXAMINED)
    assert "eer" not in report
    assert report["clients"] == USERS


@pytest.mark.parametrize("name", ["float32_bytes", "bytes_up_per_client_round", "steps"])
def test_what_it_cost_is_said_as_of_words(name: str) -> None:
    assert found()[name] > 0
