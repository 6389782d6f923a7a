# SPDX-License-Identifier: Apache-2.0
"""Owners against others who say the same word: scores made by hand, and figures of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from myna.audio.dataset import Clip
from myna.cli import cli
from myna.errors import MynaError
from myna.evaluation.owner import Scored, score, summarize, threshold_of
from myna.ops.similarity import ONE_Q15
from support import tiny_model


def clip(speaker: str, take: int, word: str = "w") -> Clip:
    return Clip(word, speaker, take, Path())


def test_takes_beyond_those_enrolled_are_genuine_and_all_others_impostors() -> None:
    clips = [clip("a", 0), clip("a", 1), clip("a", 2), clip("b", 0), clip("b", 1, "v")]
    voices = np.array([[9, 0], [9, 0], [0, 7], [5, 5], [9, 0]], np.int8)
    found = score(clips, voices, ("a", "b"), 1)
    assert list(found.genuine) == ["a"]  # b has no second take of a word
    assert found.genuine["a"].tolist() == [ONE_Q15, 0]
    assert found.impostors["a"].tolist() == pytest.approx([ONE_Q15 / 2**0.5], abs=200)


def test_the_mean_of_takes_is_enrolled() -> None:
    clips = [clip("a", 0), clip("a", 1), clip("a", 2), clip("b", 0)]
    voices = np.array([[9, 0], [0, 3], [5, 5], [-5, 5]], np.int8)
    found = score(clips, voices, ("a",), 2)
    assert found.genuine["a"][0] > ONE_Q15 - 300
    assert abs(found.impostors["a"][0]) < 300


def test_every_owner_weighs_alike() -> None:
    """Of one owner's hundred takes and another's two, ten percent are one of the two at most."""
    many, few = np.full(100, 50), np.array([10, 60])
    scored = Scored({"m": many, "f": few}, {"m": np.array([40]), "f": np.array([0, 20, 30, 55])})
    assert threshold_of(scored, 0.24) == 10
    assert threshold_of(scored, 0.25) == 50  # one of two takes of one of two owners
    assert [part.tolist() for part in scored.refused(50)] == [[0.0, 0.5], [1.0, 0.75]]
    figures = summarize(scored, 50, seed=1)
    assert figures["impostors_refused_by_device"]["mean"] == 87.5
    assert figures["owners_refused_by_device"]["mean"] == 25.0
    assert figures["impostors_refused"]["mean"] == 12.5  # below 10, which refuses no owner
    low, high = figures["impostors_refused_by_device"]["ci95"]
    assert (low, high) == (75.0, 100.0)


def test_scores_that_do_not_overlap_have_no_error() -> None:
    scored = Scored({"a": np.array([8, 9])}, {"a": np.array([1, 2])})
    figures = summarize(scored, 5, seed=1)
    assert figures["eer"]["mean"] == 0.0
    assert figures["impostors_refused"]["mean"] == 100.0


def test_owners_are_examined_in_quiet_and_in_noise(tmp_path: Path) -> None:
    data = tiny_model.recordings(tmp_path / "data", ("me", "you"), ("a", "one"), 3)
    model, file = tiny_model.telling_voices(), tmp_path / "found.json"
    arguments = [model, "--data", data, "--protocol", "owner", "--shots", 1, "--json", file]
    done = CliRunner().invoke(cli, ["evaluate", *map(str, arguments)])
    assert done.exit_code == 0, done.exception
    found = json.loads(file.read_text("utf-8"))
    assert (found["owners"], found["heard"], found["shots"]) == (["me", "you"], [], 1)
    for place in ("quiet", "20 dB"):
        assert 0 <= found[place]["eer"]["mean"] <= 100
        assert found[place]["owners_refused"]["mean"] <= 5
    assert found["quiet"] != found["20 dB"]


@pytest.mark.parametrize(
    ("model", "more", "complaint"),
    [
        (tiny_model.folder, (), "voice.npz"),
        (tiny_model.telling_voices, ("--engine", "qemu_m4"), "the same bytes"),
        (tiny_model.telling_voices, ("--speakers", "all"), "no owner has more than 3 takes"),
    ],
)
def test_what_cannot_be_examined_is_refused(
    model: Callable[[], Path], more: tuple[object, ...], complaint: str, tmp_path: Path
) -> None:
    data = tiny_model.recordings(tmp_path / "data", ("me", "you"), ("a",), 2)
    arguments = ["evaluate", model(), "--data", data, "--protocol", "owner", *more]
    done = CliRunner().invoke(cli, list(map(str, arguments)))
    assert isinstance(done.exception, MynaError)
    assert complaint in str(done.exception)
