# SPDX-License-Identifier: Apache-2.0
"""Users in a file of examples: for models that hear nothing, and for features of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from myna.audio import native
from myna.audio.dataset import scan
from myna.audio.files import read_clip
from myna.cli import cli
from myna.errors import MynaError
from myna.evaluation.protocols import PROTOCOLS
from support import silent_model, tiny, tiny_model

WORDS, USERS = ("a", "b", "one", "two"), ("ann", "bob", "carl")


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.recordings(tmp_path_factory.mktemp("tones"), USERS, WORDS, 4)


@pytest.fixture(scope="module")
def examples(tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the model hears of these recordings, in another order of words and users."""
    clips = sorted(scan(tones), key=lambda clip: (clip.take, clip.word, clip.speaker))
    pcm = np.array([read_clip(clip.path) for clip in clips])
    words, speakers = ([getattr(clip, name) for clip in clips] for name in ("word", "speaker"))
    features = native.extract(tiny.AUDIO, pcm)
    return saved(tmp_path_factory.mktemp("npz"), features=features, words=words, speakers=speakers)


def saved(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "examples.npz", **arrays)
    return folder / "examples.npz"


def evaluated(model: Path, data: Path, file: Path, *arguments: object) -> Any:
    """What `evaluate` wrote."""
    asked = ["--data", data, "--shots", 2, "--jobs", 1, "--json", file, *arguments]
    done = CliRunner().invoke(cli, ["evaluate", str(model), *map(str, asked)])
    if done.exception:
        raise done.exception
    return json.loads(file.read_text("utf-8"))


@pytest.mark.parametrize("protocol", ["new-words", "speaker"])
def test_features_are_learned_as_the_recordings_that_they_are_of(
    protocol: str, tones: Path, examples: Path, tmp_path: Path
) -> None:
    options = ["--protocol", protocol, "--speakers", ",".join(USERS)]
    found = [
        evaluated(tiny_model.folder(), data, tmp_path / "r.json", *options)["per_speaker"]
        for data in (tones, examples)
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 3


def test_known_words_are_asked_of_everybody_in_a_file(examples: Path, tmp_path: Path) -> None:
    """None of it was heard in training, so nobody is left out."""
    options = ["--protocol", "new-words", "--base-data", examples]
    result = evaluated(tiny_model.folder(), examples, tmp_path / "r.json", *options)
    assert result["speakers"] == list(USERS)
    assert result["known_after"]["mean"] > 50


@pytest.mark.parametrize(
    "engine", ["host", "reference", pytest.param("float", marks=pytest.mark.train)]
)
def test_a_model_that_hears_nothing_is_evaluated(engine: str, tmp_path: Path) -> None:
    """It keeps what it knows of three kinds of pictures, and learns a fourth."""
    known, labels = silent_model.images(24)
    noise = np.random.default_rng(0).normal(0, 0.1, (12, *known.shape[1:]))
    stripes = np.clip(np.resize([0.0, 1.0], known.shape[1])[:, None] + noise, 0, 1)
    words = ["abc"[label] for label in labels.tolist()] + ["stripes"] * len(stripes)
    speakers = ["ann", "bob"] * (len(words) // 2)
    features = np.concatenate([known, stripes])
    data = saved(tmp_path, features=features, words=words, speakers=speakers)
    options = ["--protocol", "new-words", "--base-data", data, "--engine", engine]
    result = evaluated(silent_model.folder("images"), data, tmp_path / "r.json", *options)
    assert result["speakers"] == ["ann", "bob"]
    assert result["before"]["mean"] == 0
    assert result["after"]["mean"] == 100
    assert result["known_before"]["mean"] - result["known_after"]["mean"] < 10


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if PROTOCOLS[name].needs_sound])
def test_only_sound_can_be_mixed_or_listened_to(
    protocol: str, examples: Path, tmp_path: Path
) -> None:
    with pytest.raises(MynaError, match="this protocol needs sound"):
        evaluated(tiny_model.folder(), examples, tmp_path / "r.json", "--protocol", protocol)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"words": None}, "`words` is not text for each of 2"),
        ({"words": np.zeros(2)}, "`words` is not text"),
        ({"words": ["one", " "]}, "`words` is not text"),
        ({"speakers": None}, "`speakers` is not text"),
        ({"speakers": ["ann"]}, "`speakers` is not text"),
        ({"speakers": ["ann", ""]}, "`speakers` is not text"),
        ({"features": None}, "holds no features"),
        ({"features": np.float64(1)}, "holds no features"),
        ({"features": np.zeros((0, 12, 8)), "words": [], "speakers": []}, "holds no features"),
        ({"features": np.zeros((2, 3), np.int8)}, "the network reads"),
        ({"features": np.full((2, 12, 8), 1e6)}, "beyond what the network reads"),
    ],
)
def test_a_file_that_says_too_little_is_refused(
    change: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    good = {"features": np.zeros((2, 12, 8), np.int8), "words": ["one"] * 2, "speakers": ["me"] * 2}
    arrays = {name: value for name, value in {**good, **change}.items() if value is not None}
    data = saved(tmp_path, **arrays)
    options = ["--protocol", "new-words", "--shots", 1]
    with pytest.raises(MynaError, match=complaint) as raised:
        evaluated(tiny_model.folder(), data, tmp_path / "r.json", *options)
    assert raised.value.where == str(data)
