# SPDX-License-Identifier: Apache-2.0
"""What may be asked for together, and what is said of privacy in the end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from myna.cli import cli
from support import tiny_model
from support.federations import SPEAKERS, WORDS


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.recordings(tmp_path_factory.mktemp("tones") / "data", SPEAKERS, WORDS, 4)


def federate(data: Path, *more: str) -> list[str]:
    asked = ["federate", str(tiny_model.folder()), "--data", str(data), "--clients", "4"]
    return [*asked, "--shots", "2", "--seed", "7", "--jobs", "1", "--rounds", "1", *more]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--dp", "central"), "need each other"),
        (("--clip", "9", "--noise", "1"), "need each other"),
        (("--dp", "central", "--clip", "9"), "need each other"),
        (("--secure", "--audit", "1"), "cannot be replayed"),
        (("--dp", "local", "--clip", "9", "--noise", "1", "--audit", "1"), "cannot be replayed"),
        (("--dp", "central", "--clip", "3", "--noise", "1"), "too coarse"),
        (("--secure", "--strategy", "reptile"), "no secret sum can be made"),
        (("--secure", "--bits-up", "0.8"), "cannot be compressed"),
        (("--dp", "local", "--clip", "9", "--noise", "1", "--bits-down", "24"), "be compressed"),
    ],
)
def test_what_does_not_go_together_is_refused(
    data: Path, more: tuple[str, ...], message: str
) -> None:
    assert message in str(CliRunner().invoke(cli, federate(data, *more)).exception)


def test_the_budget_and_the_attack_are_reported(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    noise = ("--dp", "central", "--clip", "9000", "--noise", "1")
    ended = CliRunner().invoke(cli, federate(data, *noise, "--audit", "2", "--json", str(path)))
    assert ended.exit_code == 0, ended.output
    assert "ε = 4.73" in ended.output  # of one round of as much noise as a client can change
    assert "at δ = 1e-05; sampling rate 1.00, 1 rounds of a client at most" in ended.output
    found = json.loads(path.read_text())
    assert (found["delta"], found["audited"], found["audit_failures"]) == (1e-5, 2, 0)
    assert 4.7 < found["epsilon"] < 5
    assert {"mean", "ci95"} == set(found["membership_auc"])


def test_the_digest_is_the_same_for_masked_updates(data: Path, tmp_path: Path) -> None:
    digests = []
    for i, more in enumerate((("--bits-up", "24", "--bits-down", "24"), ("--secure",))):
        path = tmp_path / f"{i}.json"
        ended = CliRunner().invoke(cli, federate(data, *more, "--json", str(path)))
        assert ended.exit_code == 0, ended.output
        digests.append(json.loads(path.read_text())["aggregate_digest"])
    assert digests[0] == digests[1]
