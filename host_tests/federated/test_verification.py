# SPDX-License-Identifier: Apache-2.0
"""Users who train codewords together: told from others, byte for byte again, and what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from myna.evaluation.engine import CoreEngine
from myna.federated import verification
from myna.federated.client import Client, learn
from myna.federated.secure.masks import sum_ring
from myna.federated.users import NOBODY, User
from myna.federated.verification import (
    CENTRAL,
    CODEWORDS,
    HEAD,
    SOFTMAX,
    Verifier,
    centralize_softmax,
    federate_codewords,
    federate_softmax,
)
from myna.federated.verification_figures import figures
from myna.ir import Array
from myna.learn.vector import to_vector
from myna.names import CODEWORD
from myna.package.verifier import OUTPUT, make_verifier
from myna.project import MODELS, Project, open_project
from support.kept import kept
from support.voices import LENGTH, SHOTS, USERS, users

ROUNDS = 6


def silent(done: int, total: int) -> None:
    """No progress is shown."""


@pytest.fixture(scope="module")
def verifiers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Verifier]:
    pytest.importorskip("galois")
    source, place = MODELS / "kws", tmp_path_factory.mktemp("verifiers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verification, "ROUNDS", ROUNDS)
        return {
            "own": federate_codewords(source, place / "own", users(), LENGTH, CODEWORDS, silent),
            "baseline": federate_softmax(source, place / "shared", users(), SOFTMAX, silent),
            "centralized": centralize_softmax(source, place / "pooled", users(), CENTRAL, silent),
        }


@pytest.mark.parametrize(("shots", "varied"), [(1, True), (2, False), (5, False)])
def test_a_single_take_alone_is_varied(shots: int, varied: bool) -> None:
    order = replace(verification.CODEWORDS.order(shots), server_round=1)
    assert order.recipe.vary is varied


@pytest.mark.parametrize("name", ["own", "baseline", "centralized"])
def test_users_are_told_from_each_other(name: str, verifiers: Mapping[str, Verifier]) -> None:
    scores = verifiers[name].scores(users().examined)
    is_user = users().owner != NOBODY
    right = scores[:, is_user].argmax(0) == users().owner[is_user]
    assert right.mean() > 0.9


def test_the_figures_are_those_of_the_contract(verifiers: Mapping[str, Verifier]) -> None:
    others = {name: verifiers[name] for name in ("baseline", "centralized")}
    found = figures(users(), verifiers["own"], others, 1)
    for block in (found, found["seen"], found["unseen"]):
        for rates in (block, block["baseline"], block["centralized"]):
            assert 0 <= rates["eer"] < 25
            low, high = rates["eer_ci95"]
            assert low <= high
            assert list(rates["tpr_at_fpr"]) == ["1", "5", "10"]
            accepted = list(rates["tpr_at_fpr"].values())
            assert accepted == sorted(accepted)
    assert found["warm_up"]["seen"]["wanted"] == 90
    assert found == figures(users(), verifiers["own"], others, 1)


def test_the_same_seed_gives_the_same_bytes(
    verifiers: Mapping[str, Verifier], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "ROUNDS", ROUNDS)
    again = federate_codewords(MODELS / "kws", tmp_path, users(), LENGTH, CODEWORDS, silent)
    first = verifiers["own"]
    assert again.engine.read_state() == first.engine.read_state()
    assert np.array_equal(again.codewords, first.codewords)


# -- what crosses the link -------------------------------------------------------------------------


@cache
def project() -> Project:
    source = MODELS / "kws"
    return open_project(kept("link", lambda draft: make_verifier(source, draft, LENGTH)), HEAD)


def update_of(codeword: Array, user: User) -> tuple[bytes, bytes, Array]:
    """The states before and after a round of one user, and the update that is sent."""
    engine = CoreEngine(project().library(), project().package)
    before = engine.read_state()
    takes = replace(user.enrolled, labels=0 * user.enrolled.labels)
    order = replace(CODEWORDS.order(SHOTS), server_round=1)
    learn(engine, Client(0, user.speaker, takes, codeword), order)
    after, program = engine.read_state(), project().program
    return before, after, to_vector(program, after) - to_vector(program, before)


def book(count: int) -> Array:
    return 1 - 2 * np.random.default_rng(5).integers(0, 2, (count, LENGTH)).astype(np.int8)


def biases(update: Array) -> Array:
    """Where the update says the signs of the codeword: it is an outer product with them."""
    program, at = project().program, 0
    for name in program.state:
        size = program.graph.tensors[name].size
        if name == f"{OUTPUT}.b":
            return update[at : at + size]
        at += size if name.endswith((".w", ".b")) else 0
    raise AssertionError


def test_a_plain_update_tells_the_codeword() -> None:
    """Why nothing but masked updates may leave a board that keeps a codeword secret."""
    words = book(200)
    for number, user in enumerate(users().seen):
        *_, update = update_of(words[number], user)
        guess = np.sign(biases(update))
        assert (guess == words[number]).mean() > 0.99
        assert (words @ guess).argmax() == number


def test_a_masked_update_tells_nothing() -> None:
    """As a secure sum sends it: residues, with the masks of a client's own key and its pairs'."""
    words, ring = book(200), sum_ring(project().program)
    for number, user in enumerate(users().seen):
        *_, update = update_of(words[number], user)
        residues = np.append(SHOTS * update.astype(np.int64), SHOTS).astype(np.uint64)
        pairs = {other: bytes([number * other]) * 32 for other in range(USERS) if other != number}
        mask = ring.mask(bytes([100 + number]) * 32) + ring.pairwise(number, pairs)
        guess = np.sign(biases(ring.signed(residues + mask)))
        assert abs((guess == words[number]).mean() - 0.5) < 0.25
        assert (words @ guess).argmax() != number
        assert np.array_equal(ring.signed(residues + mask - mask)[:-1], SHOTS * update)


def test_no_state_holds_a_codeword() -> None:
    codeword = book(1)[0]
    for state in update_of(codeword, users().seen[0])[:2]:
        assert codeword.tobytes() not in state
    assert CODEWORD not in project().program.state
