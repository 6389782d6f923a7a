# SPDX-License-Identifier: Apache-2.0
"""Noise: mixed at exact ratios, recorded apart from what is examined, and learned alike."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from myna.audio import mixing
from myna.audio.config import HOP, RATE
from myna.audio.dataset import split_of
from myna.audio.features import Pcm
from myna.audio.files import write_wav
from myna.cli import cli
from myna.engines.reference import Reference
from myna.errors import MynaError
from myna.evaluation import noise
from myna.evaluation.board_engine import BoardEngine
from myna.evaluation.engine import CoreEngine
from myna.learn.recipe import Recipe
from myna.passes.pipeline import Options
from myna.pretrain.corpus import HELD_OUT_NOISE, training_noises
from myna.project import open_project
from support import tiny, tiny_model

HELD_OUT = tuple(s for s in (f"user{i}" for i in range(200)) if split_of(s) == "test")[:2]
WORD = slice(20 * HOP, 35 * HOP)  # where the speech is


def speech(level: float, seed: int = 1) -> Pcm:
    """A burst between faint hiss, int16 [16000]."""
    pcm = np.random.default_rng(seed).normal(0, level / 100, RATE)
    pcm[WORD] *= 100
    return np.asarray(np.clip(np.rint(pcm), -32768, 32767), np.int16)


def decibels(ratio: float) -> float:
    return float(10 * np.log10(ratio))


def square(pcm: npt.NDArray[Any]) -> float:
    return float(np.mean(pcm.astype(np.float64) ** 2))


@given(
    st.floats(200, 12000),
    st.floats(50, 8000),
    st.sampled_from([*noise.SNRS, -5]),
    st.sampled_from(noise.COLOURS),
)
def test_a_mixture_has_the_asked_ratio_over_the_speech(
    level: float, loudness: float, snr: int, colour: float
) -> None:
    clean, hiss = speech(level), mixing.coloured(colour, 1, 7)
    hiss = mixing.at_power(hiss, loudness**2)
    mixed = mixing.mix(clean, hiss, snr).astype(np.float64)
    # the mixture is a·speech + b·noise: find both by least squares
    basis = np.column_stack([clean, hiss]).astype(np.float64)
    (a, b), *_ = np.linalg.lstsq(basis, mixed, rcond=None)
    found = decibels(square(a * clean[WORD]) / square(b * hiss))
    assert found == pytest.approx(snr, abs=0.1)
    assert np.abs(mixed - basis @ [a, b]).max() <= 1  # nothing but rounding, and no clipping
    assert a == pytest.approx(1, abs=1e-2) or np.abs(mixed).max() >= 32766


def test_the_power_of_speech_leaves_pauses_out() -> None:
    clean = speech(3000)
    assert mixing.speech_power(clean) == pytest.approx(square(clean[WORD]))
    longer = np.concatenate([clean, np.zeros(RATE, np.int16)])
    assert mixing.speech_power(longer) == pytest.approx(mixing.speech_power(clean))


def test_noise_without_a_level_is_refused() -> None:
    with pytest.raises(MynaError, match="pure zeros"):
        mixing.mix(speech(3000), np.zeros(RATE, np.int16), 10)


@pytest.mark.parametrize("colour", noise.COLOURS)
def test_coloured_noise_falls_as_its_colour_says(colour: float) -> None:
    spectrum = np.abs(np.fft.rfft(mixing.coloured(colour, 10, 3).astype(np.float64))) ** 2
    octaves = [spectrum[10 * f : 20 * f].mean() for f in (100, 200, 400, 800)]
    steps = np.diff([decibels(power) for power in octaves])
    assert steps == pytest.approx(-3.01 * colour, abs=0.5)


def test_stretches_lie_within_the_noise_and_differ() -> None:
    ramp = np.arange(3 * RATE, dtype=np.int64).astype(np.int16)
    pieces = mixing.stretches(ramp, 7)
    assert pieces.shape == (7, RATE)
    assert len({int(piece[0]) for piece in pieces}) == 7
    assert np.array_equal(mixing.stretches(ramp, 3), pieces[:3])
    assert np.array_equal(mixing.stretches(ramp[:RATE], 2), [ramp[:RATE]] * 2)


@pytest.fixture
def background(tmp_path: Path) -> dict[str, Pcm]:
    """Recordings that count, so that every sample tells where it is from."""
    folder = tmp_path / "_background_noise_"
    folder.mkdir()
    sounds = {}
    for number, (name, seconds) in enumerate(((HELD_OUT_NOISE, 6), ("tap", 20), ("door", 2))):
        sounds[name] = np.arange(seconds * RATE) // 16 + 1 - 10000 * number
        write_wav(folder / f"{name}.wav", sounds[name].astype(np.int16))
    return sounds


def test_rooms_are_apart_from_training_and_recorded_apart_from_heard(
    background: dict[str, Pcm], tmp_path: Path
) -> None:
    places = {room.name: room for room in noise.rooms(tmp_path)}
    assert places.keys() == background.keys()
    trained = training_noises(tmp_path)
    assert len(trained) == 1  # the first seconds of the tap
    for name, room in places.items():
        held_out = background[name] if name != "tap" else background[name][-15 * RATE :]
        assert np.array_equal(np.concatenate([room.recorded, room.heard]), held_out)
        assert len(room.recorded) >= RATE
        assert len(room.heard) >= RATE
        assert not {*room.recorded.tolist()} & {*room.heard.tolist()[16:]}
        assert not {*held_out.tolist()} & {*trained[0].tolist()[:-16]}


def test_rooms_without_recordings_are_coloured_and_always_the_same(tmp_path: Path) -> None:
    first, second = noise.rooms(tmp_path), noise.rooms(tmp_path)
    assert len(first) == len(noise.COLOURS)
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.heard, other.heard)
        assert not np.array_equal(one.heard[: len(one.recorded)], one.recorded)


@cache
def lesson() -> tuple[Any, Recipe]:
    return tiny_model.examples(("silence",), 3), noise.adaptation(Recipe(epochs=2))


def test_the_plan_room_trains_the_head_and_rehearses_in_noise() -> None:
    head, room = (
        open_project(tiny_model.folder(), Options(train=plan)).program for plan in ("head", "room")
    )
    assert room.graph == head.graph
    assert room.ram_bytes == head.ram_bytes
    assert head.latent.tensor != room.latent.tensor == "features"


@pytest.mark.parametrize("plan", ["all", "room"])
def test_noise_alone_is_learned_alike_and_changes_what_is_rehearsed(plan: str) -> None:
    runs = open_project(tiny_model.folder(), Options(train=plan))
    clips, recipe = lesson()
    twins = (
        CoreEngine(Reference(runs.program), runs.package),
        CoreEngine(runs.library(), runs.package),
    )
    with runs.connect("host") as session:
        board = BoardEngine(session, runs.program)
        reports = [engine.learn(clips, recipe) for engine in (*twins, board)]
        states = {
            *(twin.core.read_state() for twin in twins),  # type: ignore[attr-defined]
            session.read_state(),
        }
    assert reports[1:] == reports[:1] * 2
    assert len(states) == 1
    assert len(reports[0].worst) == recipe.epochs
    louder = tiny_model.examples(("silence",), 3, first=50)
    twins[1].reset()
    twins[1].learn(louder, recipe)
    assert twins[1].core.read_state() not in states  # type: ignore[attr-defined]


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(cli, ["evaluate", str(tiny_model.folder()), *map(str, arguments)])


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tones")
    return tiny_model.recordings(folder, HELD_OUT, ("a", "b", "one"), 4)


def test_rooms_are_examined_before_and_after(tones: Path, tmp_path: Path) -> None:
    results = []
    for engine in ("host", "reference"):
        file = tmp_path / f"{engine}.json"
        arguments = ("--data", tones, "--protocol", "noise", "--shots", "2", "--jobs", "1")
        done = run(*arguments, "--engine", engine, "--json", file)
        assert done.exit_code == 0, done.output
        results.append(json.loads(file.read_text()))
    assert results[0]["per_speaker"] == results[1]["per_speaker"]
    result = results[0]
    assert result["speakers"] == [f"colour_{colour:g}" for colour in noise.COLOURS]
    for person in result["per_speaker"]:
        assert (person["tested"], person["seconds"]) == (16, 2)  # a and b by both speakers
        assert person["clean_before"] > 80
        for place in noise.PLACES:
            for moment in noise.MOMENTS:
                each = [person[f"{place}{moment}_{snr}db"] for snr in noise.SNRS]
                assert person[f"{place}{moment}"] == pytest.approx(np.mean(each))
    for field in noise.FIELDS:
        assert (result[field] is None) == field.startswith("known_")
    assert set(noise.SHOWN) <= set(noise.FIELDS)


def test_users_enroll_their_words_before_they_adapt(tones: Path, tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    arguments = ("--data", tones, "--base-data", tones, "--protocol", "noise", "--shots", "2")
    done = run(*arguments, "--new-words", "one", "--jobs", "1", "--json", file)
    assert done.exit_code == 0, done.output
    result = json.loads(file.read_text())
    assert result["speakers"] == sorted(HELD_OUT)
    assert {person["room"] for person in result["per_speaker"]} == {"colour_0", "colour_1"}
    assert {person["tested"] for person in result["per_speaker"]} == {2}
    assert result["clean_before"]["mean"] > 50  # learned, and not yet adapted
    assert result["known_before"]["mean"] > 50


def test_a_model_without_a_class_for_noise_is_refused() -> None:
    with pytest.raises(MynaError, match="no class for clips without speech"):
        noise._silence(tiny.LABELS[:3])
