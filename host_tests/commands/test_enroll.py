# SPDX-License-Identifier: Apache-2.0
"""A class taught to a running board by examples in a file: for models that hear nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from myna.cli import cli
from myna.device import bodies as b
from myna.device import messages as m
from myna.device import target
from myna.device.session import Board
from myna.errors import MynaError
from myna.ir import Array
from myna.learn.learn import Learned
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from support import silent_model, tiny_model

NEW = silent_model.CLASSES  # the class of what is taught
MODEL = silent_model.folder("images")


@pytest.fixture(scope="module")
def project() -> Project:
    return open_project(MODEL, Options(train="head"))


@pytest.fixture(scope="module")
def running(project: Project) -> Iterator[str]:
    with target.start("host", project.firmware("host").elf) as port:
        yield port


@pytest.fixture
def port(running: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The port of a board that has learned nothing; names are kept in an empty folder."""
    monkeypatch.chdir(tmp_path)
    with Board.connect(running) as board:
        board.reset_state()
        board.clear_clips()
    return running


def stripes(count: int, seed: int) -> Array:
    """What the network never saw, [n, 8, 8, 3] in 0 … 1."""
    noise = np.random.default_rng(seed).normal(0, 0.1, (count, 8, 8, 3))
    shown = np.resize([0.0, 1.0], 8)[None, :, None]
    return np.clip(shown + noise, 0, 1)


def quantized(project: Project, features: Array) -> Array:
    source = project.program.graph.tensors["pixels"]
    steps = np.rint(features / source.scale) + source.zero_point
    return np.clip(steps, -128, 127).astype(np.int8)


def saved(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def enroll(port: str, examples: Path, *arguments: object) -> Result:
    asked = ["enroll", MODEL, "--port", port, "--word", "stripes", "--examples", examples]
    return CliRunner().invoke(cli, [*map(str, asked), *map(str, arguments)])


def right(board: Board, features: Array, labels: Array) -> float:
    """The share of int8 features that a board takes for these classes."""
    slot, found = board.info.max_clips - 1, 0
    for one, label in zip(features, labels, strict=True):
        board.put_features(one, slot, int(label))
        found += board.infer(slot).label == label
    board.empty(slot)
    return found / len(features)


@pytest.mark.parametrize("labelled", [True, False])
def test_a_class_is_learned_from_examples(
    port: str, project: Project, tmp_path: Path, *, labelled: bool
) -> None:
    taught = stripes(5, seed=1)
    label = {"labels": np.full(5, 7)} if labelled else {}  # whatever the file calls them
    known, classes = silent_model.images(30, seed=2)
    asked = quantized(project, known), quantized(project, stripes(20, seed=3))
    with Board.connect(port) as board:
        before = right(board, asked[0], classes)
        assert right(board, asked[1], np.full(20, NEW)) == 0
    done = enroll(port, saved(tmp_path / "x.npz", features=taught, **label))
    assert done.exit_code == 0, done.exception
    assert f"'stripes' is class {NEW}" in done.output
    with Board.connect(port) as board:
        assert board.score().total == 5
        for slot, one in enumerate(quantized(project, taught)):
            assert board.get_features(slot).tobytes() == one.tobytes()
        assert right(board, asked[1], np.full(20, NEW)) > 0.9
        assert right(board, asked[0], classes) > before - 0.1


@pytest.mark.parametrize(
    ("features", "labels", "complaint"),
    [
        (stripes(4, 1), np.arange(4), "several classes"),
        (stripes(4, 1)[..., :2], np.zeros(4, int), "the network reads"),
        (stripes(1, 1).repeat(2, 0), np.zeros(2, int), "same recording"),
        (stripes(49, 1), np.zeros(49, int), "48 clips"),
        (255 * stripes(4, 1), np.zeros(4, int), "beyond what the network reads, 0 to"),
    ],
)
def test_examples_that_cannot_be_learned_leave_nothing(
    port: str, tmp_path: Path, features: Array, labels: Array, complaint: str
) -> None:
    with Board.connect(port) as board:
        before = board.read_state()
    done = enroll(port, saved(tmp_path / "x.npz", features=features, labels=labels))
    assert isinstance(done.exception, MynaError)
    assert complaint in str(done.exception)
    with Board.connect(port) as board:
        assert board.read_state() == before
        assert board.status().clips == 0


def test_an_example_unlike_the_others_is_no_other_word(
    port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What agreement means was measured of speech."""
    unlike = silent_model.images(1)[0]
    features = np.concatenate([stripes(4, 1), unlike])
    with Board.connect(port) as board:
        for slot, one in enumerate(quantized(open_project(MODEL, Options(train="head")), features)):
            board.put_features(one, slot, NEW - 1)
        assert board.link.request(m.TAKES, b.Takes(NEW - 1)).odd == 4
        board.clear_clips()
    monkeypatch.setattr(Learned, "forgot", lambda *_: False)  # it is like what is known
    assert enroll(port, saved(tmp_path / "x.npz", features=features)).exit_code == 0


def test_recordings_and_examples_are_not_mixed(tmp_path: Path) -> None:
    examples = saved(tmp_path / "x.npz", features=stripes(3, 1))
    done = enroll("nowhere", examples, "--wav", "take.wav")
    assert isinstance(done.exception, MynaError)
    assert done.exception.where == "take.wav"
    assert "not both" in done.exception.fix


def test_a_model_that_hears_learns_features_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = tiny_model.folder()
    project = open_project(model, tiny_model.HEAD)
    taught = saved(tmp_path / "x.npz", features=tiny_model.examples(("one",), 3).features)
    asked = tiny_model.examples(("one",), 5, first=20).features
    with target.start("host", project.firmware("host").elf) as port:
        words = ["enroll", str(model), "--port", port, "--word", "one", "--examples", str(taught)]
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == 0, done.exception
        with Board.connect(port) as board:
            assert right(board, asked, np.full(5, len(project.package.labels))) > 0.7
