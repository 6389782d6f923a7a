# SPDX-License-Identifier: Apache-2.0
"""Words in a stream of embeddings: what is an event, and the C twin on any input."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from math import isqrt
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from myna.audio import native
from myna.device.target import PROJECT
from myna.learn.detect import (
    SPAN,
    STEPS,
    STRIDE,
    Embeddings,
    Event,
    Rule,
    Space,
    Template,
    detect,
    directions,
    scores,
    spaced,
    template,
    with_take,
)

WORDS = 8  # of the C twin, at most
PERIOD = 640
SOURCES = "runtime/detect.c", "kernels/block.c", "kernels/fixed.c"
FLAGS = ("-std=c11", "-O1", "-fPIC", "-shared", "-Wall", "-Wextra", "-Wconversion", "-Werror")
SANITIZED = ("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")
ONE = 127 << 15  # the similarity of equal directions
INPUTS = 12
CENTER = np.arange(INPUTS, dtype=np.int16) * 90

Times = npt.NDArray[np.uint32]


class _Rule(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("center", "foils", "templates", "thresholds")),
        ("rivals", ctypes.c_void_p),
        *((name, ctypes.c_uint32) for name in ("period", "refractory")),
        *((name, ctypes.c_uint16) for name in ("inputs", "foil_count", "words", "rival_count")),
    )


class _Event(ctypes.Structure):
    _fields_ = (("time", ctypes.c_uint32), ("score", ctypes.c_int32), ("word", ctypes.c_uint16))


class Twin:
    """firmware/runtime/detect.c, under the undefined behaviour sanitizer."""

    def __init__(self, folder: Path) -> None:
        compiler = native.find_compiler()
        assert compiler is not None
        (folder / "config.h").write_text(f"#define MYNA_WORDS {WORDS}\n", "utf-8")
        firmware, library = PROJECT / "firmware", folder / "detect.so"
        sources = (str(firmware / part) for part in SOURCES)
        command = [compiler, *FLAGS, *SANITIZED, f"-I{folder}", f"-I{firmware}", *sources]
        subprocess.run([*command, "-o", str(library)], check=True)
        self._c = ctypes.CDLL(str(library))
        self._c.myna_detect_push.restype = ctypes.c_bool

    def detect(
        self,
        embeddings: Embeddings,
        times: Times,
        space: Space,
        templates: Sequence[Template],
        rule: Rule,
        rivals: Sequence[Template] = (),
    ) -> tuple[Event, ...]:
        refused = np.ascontiguousarray(rivals, np.int8)
        whole, least = np.ascontiguousarray(templates, np.int8), np.array(rule.thresholds, np.int32)
        parts = (space.center, space.foils, whole, least, refused)
        sizes = len(space.center), len(space.foils), len(templates), len(rivals)
        data = (part.ctypes.data for part in parts)
        own = _Rule(*data, rule.period, rule.refractory, *sizes)
        state, event, found = ctypes.create_string_buffer(4096), _Event(), []
        for row, time in zip(np.array(embeddings, order="C"), times.tolist(), strict=True):
            places = ctypes.byref(state), ctypes.byref(own), ctypes.c_void_p(row.ctypes.data)
            if self._c.myna_detect_push(*places, ctypes.c_uint32(time), ctypes.byref(event)):
                found.append(Event(event.time, event.word, event.score))
        return tuple(found)

    def template(self, takes: Sequence[Embeddings], center: npt.NDArray[np.int16]) -> Template:
        inputs = len(center)
        made = np.zeros((STEPS, inputs), np.int8)
        for step, direction in enumerate(made):
            total = np.zeros(inputs, np.int32)
            places = ctypes.c_void_p(center.ctypes.data), inputs, ctypes.c_void_p(total.ctypes.data)
            for take in takes:
                row = take[STRIDE * step].copy()  # which C overwrites
                self._c.myna_detect_add(ctypes.c_void_p(row.ctypes.data), *places)
            address = ctypes.c_void_p(direction.ctypes.data)
            self._c.myna_detect_direction(places[2], inputs, address)
        return made


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Twin:
    if native.find_compiler() is None:
        pytest.skip("no C compiler")
    return Twin(tmp_path_factory.mktemp("detect"))


def noise(count: int, seed: int) -> Embeddings:
    """Embeddings of nothing in particular."""
    found = np.random.default_rng(seed).integers(-100, 101, (count, INPUTS)) + CENTER // 16
    return found.astype(np.int16)


def regular(count: int, start: int = 0) -> Times:
    """Times of decisions without a pause."""
    return (start + PERIOD * np.arange(count)).astype(np.uint32)


SAID = [noise(SPAN + 1, seed) for seed in (1, 2)]  # two words
TEMPLATES = [template([said], CENTER) for said in SAID]
PLAIN = Space(CENTER, np.zeros((0, INPUTS), np.int8))
LEAST = STEPS * ONE * 3 // 4


def rule(refractory: int = 50 * PERIOD, thresholds: Sequence[int] = (LEAST, LEAST)) -> Rule:
    return Rule(PERIOD, refractory, tuple(thresholds))


def heard(sound: Embeddings, own: Rule, times: Times | None = None) -> list[tuple[int, int]]:
    """Word and decision of each event."""
    when = regular(len(sound)) if times is None else times
    found = detect(sound, when, PLAIN, TEMPLATES, own)
    return [(event.word, when.tolist().index(event.time)) for event in found]


# -- templates and scores --------------------------------------------------------------------------


def test_a_direction_has_length_one() -> None:
    found = directions(noise(50, 5), CENTER)
    lengths = np.sqrt((found**2).sum(1))
    np.testing.assert_allclose(lengths, 1 << 15, rtol=0.01)


def test_a_template_is_the_mean_direction_of_takes_however_strong_they_are() -> None:
    weak = noise(SPAN + 1, 3)
    center = np.zeros(INPUTS, np.int16)
    both = template([weak, 3 * noise(SPAN + 1, 4)], center).astype(float)
    strong = template([40 * weak, noise(SPAN + 1, 4)], center)
    assert np.abs(both - strong).max() <= 1
    lengths = np.sqrt((both**2).sum(1))
    np.testing.assert_allclose(lengths, 127, atol=2)


def test_a_score_is_the_sum_of_cosines_in_order() -> None:
    sound = np.concatenate([noise(9, 6), SAID[0], noise(9, 7)])
    found = scores(sound, PLAIN, TEMPLATES[0])
    assert len(found) == len(sound) - SPAN
    assert found.argmax() == 9
    assert found[9] == pytest.approx(STEPS * ONE, rel=0.02)
    backwards = scores(SAID[0][::-1], PLAIN, TEMPLATES[0])
    assert backwards[0] < found[9] // 2
    away = 16.0 * sound - CENTER
    cosines = away @ TEMPLATES[0].T.astype(float) / np.linalg.norm(away, axis=1)[:, None]
    expected = [sum(cosines[i + STRIDE * j, j] for j in range(STEPS)) for i in range(len(found))]
    np.testing.assert_allclose(found / 2**15, expected, atol=STEPS * 127 / 1000)


def test_half_of_the_nearest_foil_is_taken_away() -> None:
    sound = np.concatenate([noise(5, 6), SAID[0]])
    foils = np.concatenate([TEMPLATES[1][:2], -TEMPLATES[1][:1]])
    away = 16.0 * sound - CENTER
    cosines = away @ foils.T.astype(float) / np.linalg.norm(away, axis=1)[:, None]
    rivals = cosines.max(1) / 2
    plain = scores(sound, PLAIN, TEMPLATES[0]) / 2**15
    found = scores(sound, Space(CENTER, foils), TEMPLATES[0]) / 2**15
    expected = [sum(rivals[i + STRIDE * j] for j in range(STEPS)) for i in range(len(found))]
    np.testing.assert_allclose(plain - found, expected, atol=0.5)


def test_too_little_sound_has_no_score() -> None:
    assert len(scores(noise(SPAN, 1), PLAIN, TEMPLATES[0])) == 0
    assert len(scores(noise(0, 1), PLAIN, TEMPLATES[0])) == 0


# -- events ----------------------------------------------------------------------------------------


def test_every_fourth_decision_gives_every_fourth_score() -> None:
    sound, space = noise(120, 5), Space(CENTER, np.full((1, INPUTS), 30, np.int8))
    own = template([sound[20 : 21 + SPAN]], CENTER)
    sparse = scores(sound[::STRIDE], space, own, stride=1)
    np.testing.assert_array_equal(sparse, scores(sound, space, own)[::STRIDE])


def test_each_word_is_heard_when_it_was_said() -> None:
    sound = np.concatenate([noise(30, 8), SAID[1], noise(40, 9), SAID[0], noise(30, 10)])
    second = 30 + SPAN + 1 + 40 + SPAN
    assert heard(sound, rule()) == [(1, 30 + SPAN), (0, second)]


def test_each_word_has_its_own_threshold() -> None:
    sound = np.concatenate([SAID[1], noise(40, 9), SAID[0]])
    assert [word for word, _ in heard(sound, rule(thresholds=(LEAST, 2**31 - 1)))] == [0]


def test_the_word_that_is_beyond_its_threshold_most_is_the_one() -> None:
    everything = -(2**31)
    assert [w for w, _ in heard(SAID[1], rule(thresholds=(everything, LEAST)))] == [0]
    assert [w for w, _ in heard(SAID[1], rule(thresholds=(0, 0)))] == [1]


def test_what_is_more_like_a_refused_sound_is_no_event_nor_is_what_follows_it() -> None:
    like = (SAID[0] + noise(SPAN + 1, 20) // 3).astype(np.int16)
    sound = np.concatenate([like, noise(5, 9), SAID[0], noise(40, 9), SAID[0]])
    times, own = regular(len(sound)), rule(2 * SPAN * PERIOD)
    refused = [template([like], CENTER)]
    found = detect(sound, times, PLAIN, TEMPLATES, own, refused)
    assert [times.tolist().index(event.time) for event in found] == [len(sound) - 1]
    assert [at for _, at in heard(sound, own)] == [SPAN, len(sound) - 1]
    assert detect(sound, times, PLAIN, TEMPLATES, own, TEMPLATES[:1]) != (), "equal is the word's"


def test_another_take_moves_a_template_as_if_it_had_been_there() -> None:
    takes = [noise(SPAN + 1, seed) for seed in (3, 4, 5)]
    first = template(takes[:2], CENTER)
    more = template(takes[2:], CENTER)
    moved = with_take(first, 2, more).astype(float)
    np.testing.assert_allclose((moved**2).sum(1) ** 0.5, 127, atol=2)
    both = 2 * first.astype(float) + more
    np.testing.assert_allclose(moved, 127 * both / np.sqrt((both**2).sum(1))[:, None], atol=1)


def test_nothing_is_heard_until_the_refractory_time_is_over() -> None:
    sound = noise(3 * SPAN, 11)
    always = rule(10 * PERIOD, (-(2**31), 2**31 - 1))
    assert [at for _, at in heard(sound, always)] == list(range(SPAN, 3 * SPAN, 10))
    assert spaced(np.array([3, 5, 9, 10, 30]), 6) == [0, 2, 4]
    assert spaced(np.array([3, 5, 9]), 0) == [0, 1, 2]


def test_what_was_before_a_pause_does_not_count() -> None:
    times = regular(SPAN + 1)
    assert heard(SAID[0], rule(), times) == [(0, SPAN)]
    times[SPAN // 2 :] += np.uint32(1)
    assert not heard(SAID[0], rule(), times)


def test_times_may_wrap() -> None:
    times = regular(SPAN + 1, 2**32 - 3 * PERIOD)
    assert heard(SAID[0], rule(), times) == [(0, SPAN)]


# -- the twin --------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.integers(1, WORDS), st.sampled_from([1, 7, 96, 600]))
def test_c_finds_the_same_events(twin: Twin, seed: int, words: int, inputs: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 5 * SPAN))
    center = rng.integers(-4080, 4081, inputs).astype(np.int16)
    sound = rng.integers(-255, 256, (count, inputs)).astype(np.int16)
    sound[rng.random(count) < 0.05] = center[0] >> 4
    takes = rng.integers(-255, 256, (words, 2, SPAN + 1, inputs)).astype(np.int16)
    templates = [template(list(some), center) for some in takes]
    period = int(rng.integers(1, 2000))
    pauses = rng.random(count) < 0.3 / SPAN
    times = np.cumsum(np.where(pauses, rng.integers(0, 2**32, count), period), dtype=np.uint64)
    refractory = int(rng.choice([0, period, 5 * period + 1, 2**32 - 1]))
    thresholds = rng.choice([-(2**31), 2**31 - 1, 0, STEPS * ONE // 4], words).tolist()
    foils = rng.integers(-127 // isqrt(inputs), 128 // isqrt(inputs), (seed % 4, inputs))
    space = Space(center, foils.astype(np.int8))
    asked = sound, times.astype(np.uint32), space, templates
    own = Rule(period, refractory, tuple(thresholds))
    refused = [template(list(some[::-1]), center) for some in takes[: seed % 5]]
    assert twin.detect(*asked, own, refused) == detect(*asked, own, refused)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.sampled_from([1, 7, 96]))
def test_c_makes_the_same_template(twin: Twin, seed: int, takes: int, inputs: int) -> None:
    rng = np.random.default_rng(seed)
    center = rng.integers(-4080, 4081, inputs).astype(np.int16)
    most = int(rng.choice([1, 3, 256]))
    said = list(rng.integers(-most, most, (takes, SPAN + 1, inputs)).astype(np.int16))
    said[0][::3] = 0
    np.testing.assert_array_equal(twin.template(said, center), template(said, center))
