# SPDX-License-Identifier: Apache-2.0
"""The projection that tells voices apart: fitted, kept, and refused where it does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from myna.errors import MynaError
from myna.evaluation.owner import voices
from myna.files import read_arrays, write_arrays
from myna.ir import Array
from myna.package import voice
from myna.package.voice import fit, load_projection, save_projection, speakers_of, statistics

SHAPE = (12, 8, 1)
PEOPLE, WORDS = 40, 6


def words_of_people() -> tuple[Array, list[str]]:
    """Maps in which one person has a tilt of his own, and every word another shape in time."""
    rng = np.random.default_rng(2)
    loud = 60 * np.sin(np.linspace(0, np.pi, SHAPE[0]))[:, None]
    tilts = rng.normal(0, 12, (PEOPLE, 1, 1, SHAPE[1]))
    words = rng.normal(0, 4, (PEOPLE, WORDS, 1, SHAPE[1]))
    maps = loud + tilts + words + rng.normal(0, 5, (PEOPLE, WORDS, *SHAPE[:2]))
    flat = np.rint(maps).clip(-128, 127).astype(np.int8).reshape(-1, *SHAPE[:2])
    return flat, [f"p{i}" for i in range(PEOPLE) for _ in range(WORDS)]


def test_a_persons_words_are_closer_than_those_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice, "VALUES", 8)
    maps, who = words_of_people()
    half = len(who) // 2
    projection = fit(statistics(maps[:half]), who[:half])
    found = voices(projection, maps[half:]).astype(np.float64)
    assert found.shape == (half, 8)
    assert np.abs(found).max() > 100  # int8 is made use of
    assert np.mean(np.abs(found) >= 127) < 0.02
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    same = np.equal.outer(who[half:], who[half:])
    cosines = unit @ unit.T
    assert cosines[same & ~np.eye(half, dtype=bool)].mean() > 0.8
    assert abs(cosines[~same].mean()) < 0.2


def test_too_few_people_are_refused() -> None:
    maps, who = words_of_people()
    once = list(range(0, len(who), WORDS))
    with pytest.raises(MynaError, match="33 people"):
        fit(statistics(maps[once]), [who[i] for i in once])  # nobody says a second word


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    maps, who = words_of_people()
    few = maps[:, :, : SHAPE[1]]
    save_projection(fit(statistics(few), who, threshold=77), {"b", "a"}, tmp_path)
    return tmp_path


def test_what_was_fitted_is_read_again(folder: Path) -> None:
    found = load_projection(folder, SHAPE)
    assert found is not None
    assert (found.threshold, found.w.shape) == (77, (found.values, 2 * SHAPE[1]))
    assert speakers_of(folder) == {"a", "b"}
    (folder / voice.VOICE_FILE).unlink()
    assert load_projection(folder, SHAPE) is None
    with pytest.raises(MynaError, match="tells voices apart"):
        speakers_of(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"w": np.zeros((3, 5), np.int8)},
        {"w": np.zeros((3, 5))},
        {"bias": np.zeros(2, np.int32)},
        {"mantissa": np.zeros(voice.VALUES, np.int32)},
        {"shift": np.full(voice.VALUES, 31, np.int32)},
        {"shift": np.full(voice.VALUES, -31, np.int32)},
        {"bias": np.full(voice.VALUES, 1 << 30, np.int32)},
        {"threshold": np.zeros(2, np.int32)},
    ],
)
def test_a_file_that_does_not_fit_is_refused(folder: Path, change: dict[str, Any]) -> None:
    path = folder / voice.VOICE_FILE
    write_arrays(path, **(read_arrays(path) | change))
    with pytest.raises(MynaError, match="does not fit"):
        load_projection(folder, SHAPE)


def test_a_file_of_another_front_end_is_refused(folder: Path) -> None:
    with pytest.raises(MynaError, match="does not fit"):
        load_projection(folder, (12, 9, 1))
