# SPDX-License-Identifier: Apache-2.0
"""``myna federate`` of a model that tells its user: what it says, and which options it refuses."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from myna.cli import cli
from myna.commands.learners import Asked, learners
from myna.errors import MynaError
from myna.federated.verification import CODEWORDS
from myna.sessions.checkpoint import load_checkpoint, write_board
from support.voices import LENGTH, pitches, project


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pitches(tmp_path_factory.mktemp("users") / "data", 5)


def run(data: Path, *more: str) -> Result:
    command = ["federate", str(project().folder), "--data", str(data), "--clients", "3"]
    return CliRunner().invoke(cli, [*command, "--shots", "2", "--jobs", "1", *more])


def test_users_learn_together(data: Path, tmp_path: Path) -> None:
    file, output, kept = tmp_path / "result.json", tmp_path / "o.npz", tmp_path / "results.db"
    more = ["--rounds", "4", "--audit", "3", "-o", str(output), "--json", str(file)]
    ended = run(data, *more, "--results", str(kept))
    assert ended.exit_code == 0, ended.exception
    for line in ("3 clients, 4 rounds; 3 unseen", "equal error rates with unseen", "see --secure"):
        assert line in ended.output
    found = json.loads(file.read_text())
    assert found["after"]["mean"] == found["unseen"]["eer"] < found["before"]["mean"] == 50
    assert (found["code_length"], found["audited"], found["audit_failures"]) == (LENGTH, 3, 0)
    assert found["centralized"] is found["membership_auc"] is None
    assert found["steps"] == 3 * 4 * 2 * CODEWORDS.order(2).epochs
    with project().connect() as board:  # which its user may enroll then
        write_board(board, load_checkpoint(output), output)
        assert f"{zlib.crc32(board.read_state()):08x}" == found["aggregate_digest"]
    ended = run(data, *more, "--results", str(kept), "--resume")
    assert json.loads(file.read_text())["aggregate_digest"] == found["aggregate_digest"]


def test_a_secure_sum_tells_no_codeword(data: Path) -> None:
    assert "see --secure" not in run(data, "--rounds", "1", "--secure").output


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--words", "a,b"], "--words is about words"),
        (["--base-data", "."], "--base-data is about words"),
        (["--rehearsals", "0"], "--rehearsals is about words"),
        (["--strategy", "fedper"], "fedper is of words alone"),
        (["--strategy", "reptile"], "reptile is of words alone"),
        (["--clients", "4"], "3 speakers can learn"),
        (["--engine", "qemu_m4"], "forgets its user's codeword"),
        (["--engine", "host,/dev/null"], "a board has one user"),
        (["--engine", "host,host,/dev/null", "--audit", "1"], "cannot be replayed"),
        (["--shots", "5"], "lower --shots"),
    ],
)
def test_what_means_nothing_without_words_is_refused(
    more: list[str], says: str, data: Path
) -> None:
    ended = run(data, "--rounds", "1", *more)
    assert isinstance(ended.exception, MynaError), ended.output
    assert says in str(ended.exception)


def asked(data: Path, **chosen: object) -> Asked:
    usual: dict[str, object] = dict.fromkeys(Asked.__dataclass_fields__)
    usual |= {"model": project().folder, "package": project().package, "data": data}
    usual |= {"clients": 2, "shots": 2, "clips": 48, "strategy": "fedavg", "audit": 0, "seed": 1}
    return Asked(**(usual | chosen))  # type: ignore[arg-type]


def test_users_follow_the_plan_unless_the_command_says_otherwise(data: Path) -> None:
    cohort, strategy, order = learners(asked(data), ())
    assert order == CODEWORDS.order(2)
    assert strategy == CODEWORDS.strategy(2)
    words = [client.codeword for client in cohort.clients]
    assert words[0].tolist() != words[1].tolist()
    _, strategy, order = learners(asked(data, rate=1.0, epochs=7, sample=1, strategy="fedprox"), ())
    assert (order.rate, order.epochs, strategy.asked) == (1.0, 7, 1)
    assert (strategy.rate, strategy.proximal) == (CODEWORDS.share, 0.25)


def test_a_model_that_learns_neither_is_refused(data: Path) -> None:
    with pytest.raises(MynaError, match="knows no words"):
        learners(asked(data, package=replace(project().package, code=None)), ())
