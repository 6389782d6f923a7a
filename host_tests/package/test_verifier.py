# SPDX-License-Identifier: Apache-2.0
"""Networks that tell their user: made of one that tells words apart, the same on every engine."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from myna.device import target
from myna.device.session import Board
from myna.engines.reference import Reference
from myna.engines.verify import Verifier, verify_steps
from myna.errors import MynaError
from myna.frontend.model import load_model
from myna.ir import Array
from myna.names import CODEWORD, CORRELATION
from myna.package.calibration import load_calibration
from myna.package.package import load_package
from myna.package.verifier import OUTPUT, VOICE, WHITENED, make_verifier, whitening
from myna.passes.pipeline import Options
from myna.project import MODELS, Project, open_project
from support import silent_model
from support.kept import kept

LENGTH = 63
BOARDS = ["host", pytest.param("qemu_m4", marks=pytest.mark.qemu)]


@cache
def project(train: str = "head", labels: Sequence[str] = ()) -> Project:
    count = len(labels) or LENGTH
    folder = kept("verifier", lambda draft: make_verifier(MODELS / "kws", draft, count, labels))
    return open_project(folder, Options(train=train))


@cache
def clips() -> Array:
    return load_calibration(MODELS / "kws")[0][12:32]


def own_codeword() -> Array:
    signs = np.random.default_rng(3).integers(0, 2, LENGTH)
    return (2 * signs - 1).astype(np.int8)


@pytest.mark.parametrize("train", ["head", "all"])
def test_the_core_learns_a_codeword_as_the_reference_does(train: str) -> None:
    reference = Reference(project(train).program)
    core = project(train).library()
    for device in (reference, core):
        device.set_codeword(own_codeword())
    for features in clips()[:6]:
        expected = reference.train_step_digests(features, 0)
        assert core.train_step_digests(features, 0) == expected
    assert core.read_state() == reference.read_state()
    assert np.array_equal(core.infer(clips()[0]), reference.infer(clips()[0]))


def test_it_comes_to_tell_its_user_by_his_takes_alone() -> None:
    core, codeword = project().library(), own_codeword()
    core.set_codeword(codeword)
    core.set_state("learning_rate", np.array([1 << 30, 4], np.int32))  # 8
    losses = [core.train_step(clips()[0], 0) for _ in range(20)]
    assert losses[0] == 1 << 16  # at first nothing is told
    assert losses[-1] < 0.1 * losses[0]
    zero = project().program.graph.tensors[OUTPUT].zero_point
    assert ((core.infer(clips()[0]).astype(int) - zero > 0) == (codeword > 0)).mean() > 0.95


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_learns_the_public_codeword_as_the_reference_does(
    board: str, tmp_path: Path
) -> None:
    elf = project().firmware(board).elf
    taken = [(features, 0) for features in clips()[:4]]
    with target.start(board, elf, tmp_path / "nv") as port, Board.connect(port) as session:
        result = verify_steps(Verifier(project().program, session, taken), 5)
    assert result.differences == 0
    nodes = project().program.graph.nodes
    assert result.compared == 5 * sum(len(node.outputs) for node in nodes) + 1


def test_a_codeword_is_in_no_state_block() -> None:
    program, core = project().program, project().library()
    assert CODEWORD not in program.state
    before = core.read_state()
    core.set_codeword(own_codeword())
    assert core.read_state() == before
    core.reset()
    features = clips()[0]
    with_public = core.train_step_digests(features, 0)
    assert with_public == Reference(program).train_step_digests(features, 0)


def test_the_correlation_is_the_end_of_inference() -> None:
    program = project().program
    assert program.graph.nodes[program.forward_nodes - 1].name == CORRELATION


def test_the_first_layers_are_the_models() -> None:
    made = load_model(project().folder)
    source = load_model(MODELS / "kws")
    for name in ("stem_a/w", "stem_b/w"):
        assert np.array_equal(made.weights[name], source.weights[name])
    assert made.loss == "codeword"
    assert not made.labels
    assert load_package(project().folder).knowledge is None


def test_a_softmax_over_users_has_the_same_body() -> None:
    labels = tuple(f"user_{number}" for number in range(5))
    softmax = project(labels=labels).package.model
    other = project().package.model
    assert softmax.model.labels == labels
    for name in ("stem_a", WHITENED):
        assert np.array_equal(softmax.weights[name], other.weights[name])


def test_what_is_whitened_differs_alike_in_all_directions() -> None:
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(400, 120)) @ rng.normal(size=(120, 120))
    labels = rng.integers(0, 4, 400)
    shifted = mixed + 50 * labels[:, None]  # what classes have in common is no difference
    matrix, bias = whitening(shifted, labels)
    told = shifted @ matrix + bias
    assert told.shape == (400, VOICE)
    for label in range(4):
        told[labels == label] -= told[labels == label].mean(0)
    spread = np.linalg.eigvalsh(told.T @ told / 400)
    assert spread[0] > 0.2
    assert spread[-1] < 1.1


def test_a_model_that_does_not_begin_with_convolutions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MynaError, match="does not begin with convolutions"):
        make_verifier(silent_model.folder("signals"), tmp_path, LENGTH)
