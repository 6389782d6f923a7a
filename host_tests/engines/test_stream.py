# SPDX-License-Identifier: Apache-2.0
"""The C core's stream equals the reference's, however the sound is cut into pieces."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from myna.audio.features import Pcm
from myna.device.target import PROJECT
from myna.engines.reference import Reference
from myna.errors import MynaError
from myna.ir import Array
from myna.learn.stream import Stream
from myna.passes.pipeline import Options
from myna.project import Project, open_project
from support import tiny_model
from support.streams import Windows, alone, sound

MODELS = {
    "plain": tiny_model.folder("plain"),
    "reversible": tiny_model.folder(),
    **{name: PROJECT / "models" / name for name in ("kws", "ds_cnn")},
}


@cache
def project(name: str) -> Project:
    return open_project(MODELS[name], Options(train="all", streaming=True))


def reference(name: str, core: Reference) -> Stream:
    streaming = project(name).streaming
    assert streaming is not None
    return Stream(streaming, core.values, project(name).package.audio)


@cache
def expected(name: str) -> Array:
    logits = list(reference(name, Reference(project(name).program)).push(sound()))
    assert len(logits) > 20
    assert len(np.unique(logits)) > 5
    return np.stack(logits)


def pieces(seed: int, pcm: Pcm, most: int) -> list[Pcm]:
    cuts = np.cumsum(np.random.default_rng(seed).integers(0, most, len(pcm)))
    return np.split(pcm, cuts[cuts < len(pcm)])


@pytest.mark.parametrize("most", [2, 700, 20000])
@pytest.mark.parametrize("name", MODELS)
def test_c_and_reference_agree_however_sound_is_cut(name: str, most: int) -> None:
    streaming = project(name).streaming
    assert streaming is not None
    c = project(name).library().stream(streaming)
    for seed in range(2):
        c.reset()
        found = [logits for piece in pieces(seed, sound(), most) for logits in c.push(piece)]
        np.testing.assert_array_equal(found, expected(name))


def test_the_reference_does_not_care_either() -> None:
    running = reference("plain", Reference(project("plain").program))
    found = [logits for piece in pieces(3, sound(), 900) for logits in running.push(piece)]
    np.testing.assert_array_equal(found, expected("plain"))
    running.reset()
    np.testing.assert_array_equal(list(running.push(sound())), expected("plain"))


@pytest.mark.parametrize("name", ["plain", "reversible"])
def test_what_was_learned_is_what_it_infers_with(name: str) -> None:
    program, streaming = project(name).program, project(name).streaming
    assert streaming is not None
    core, library = Reference(program), project(name).library()
    features = np.random.default_rng(5).integers(-128, 128, (12, 8)).astype(np.int8)
    for step in range(4):
        core.train_step(features, step % 3)
        library.train_step(features, step % 3)
    running, c = reference(name, core), library.stream(streaming)
    found = list(running.push(sound()))
    np.testing.assert_array_equal(list(c.push(sound())), found)
    assert not np.array_equal(found, expected(name))


def test_training_in_between_loses_no_sound() -> None:
    """A stream shares no memory with the model: what was kept is there after a training step."""
    streaming = project("kws").streaming
    assert streaming is not None
    library = open_project(MODELS["kws"], Options(train="head", streaming=True)).library()
    c, found = library.stream(streaming), []
    before = library.read_state()
    for piece in np.split(sound(), 8):
        found += list(c.push(piece))
        library.train_step(np.full(980, 3, np.int8), 1)
        library.write_state(before)
    np.testing.assert_array_equal(found, expected("kws"))


def test_rows_of_features_do_as_well() -> None:
    streaming = project("plain").streaming
    assert streaming is not None
    running = reference("plain", Reference(project("plain").program))
    c = project("plain").library().stream(streaming)
    for row in np.random.default_rng(6).integers(-128, 128, (60, 8)).astype(np.int8):
        one, other = running.row(row), c.row(row)
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_array_equal(one, other)


def test_a_window_stands_between_rows_like_its_ends() -> None:
    streaming, program = project("ds_cnn").streaming, project("ds_cnn").program
    assert streaming is not None
    c = project("ds_cnn").library().stream(streaming)
    for window in np.random.default_rng(7).integers(-128, 128, (3, 49, 10)).astype(np.int8):
        rows = np.pad(window, ((100, 100), (0, 0)), "edge")
        expected = Windows(program.graph, rows).logits(100)
        np.testing.assert_array_equal(c.window(window), expected)
        assert not np.array_equal(alone(program.graph, window), expected)


def test_a_library_without_streaming_says_so() -> None:
    streaming = project("plain").streaming
    assert streaming is not None
    library = open_project(MODELS["plain"], Options(train="all")).library()
    with pytest.raises(MynaError, match="without streaming"):
        library.stream(streaming)
    with pytest.raises(MynaError, match="another program"):
        project("kws").library().stream(streaming)
