# SPDX-License-Identifier: Apache-2.0
"""Words in a stream of logits: what is an event, and the C twin on any input."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from myna.audio import native
from myna.device.target import PROJECT
from myna.learn.detect import MOST_SPAN, NEVER, Event, Rule, detect, leads, scores

CLASSES = 32  # of the C twin, at most
PERIOD = 640
FLAGS = ("-std=c11", "-O1", "-fPIC", "-shared", "-Wall", "-Wextra", "-Wconversion", "-Werror")
SANITIZED = ("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")


class _Rule(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("period", "refractory")),
        ("thresholds", ctypes.POINTER(ctypes.c_int32)),
        *((name, ctypes.c_uint16) for name in ("classes", "span")),
    )


class _Event(ctypes.Structure):
    _fields_ = (("time", ctypes.c_uint32), ("score", ctypes.c_int32), ("label", ctypes.c_uint16))


class Twin:
    """firmware/runtime/detect.c, under the undefined behaviour sanitizer."""

    def __init__(self, folder: Path) -> None:
        compiler = native.find_compiler()
        assert compiler is not None
        (folder / "config.h").write_text(f"#define MYNA_MAX_CLASSES {CLASSES}\n", "utf-8")
        firmware, library = PROJECT / "firmware", folder / "detect.so"
        places = (f"-I{folder}", f"-I{firmware}", str(firmware / "runtime/detect.c"))
        subprocess.run([compiler, *FLAGS, *SANITIZED, *places, "-o", str(library)], check=True)
        self._push = ctypes.CDLL(str(library)).myna_detect_push
        self._push.restype = ctypes.c_bool

    def detect(
        self, logits: npt.NDArray[np.int8], times: npt.NDArray[np.uint32], rule: Rule
    ) -> tuple[Event, ...]:
        state, event = ctypes.create_string_buffer(2048), _Event()
        least = np.array(rule.thresholds, np.int32)
        pointer = least.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        own = _Rule(rule.period, rule.refractory, pointer, logits.shape[1], rule.span)
        found = []
        for row, time in zip(logits, times.tolist(), strict=True):
            data = row.tobytes()
            places = ctypes.byref(state), ctypes.byref(own), data, ctypes.c_uint32(time)
            if self._push(*places, ctypes.byref(event)):
                found.append(Event(event.time, event.label, event.score))
        return tuple(found)


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Twin:
    if native.find_compiler() is None:
        pytest.skip("no C compiler")
    return Twin(tmp_path_factory.mktemp("detect"))


def regular(count: int, start: int = 0) -> npt.NDArray[np.uint32]:
    """Times of decisions without a pause."""
    return (start + PERIOD * np.arange(count)).astype(np.uint32)


def stream(*winners: int | None, lead: int = 20) -> npt.NDArray[np.int8]:
    """Logits of three classes, of which one leads by so much, or none."""
    rows = [[lead * (i == winner) for i in range(3)] for winner in winners]
    return np.array(rows, np.int8)


def rule(
    span: int = 2, refractory: int = 4 * PERIOD, thresholds: Sequence[int] = (NEVER, 30, 30)
) -> Rule:
    return Rule(span, PERIOD, refractory, tuple(thresholds))


# -- the rule --------------------------------------------------------------------------------------


def test_a_lead_is_over_the_best_other_class() -> None:
    logits = np.array([[5, -3, 9], [7, 7, 1], [-128, 127, -128]], np.int8)
    assert leads(logits).tolist() == [[-4, -12, 4], [0, 0, -6], [-255, 255, -255]]


def test_a_score_is_the_sum_of_leads_in_a_row() -> None:
    logits = stream(1, 1, None, 2)
    assert scores(logits, 2)[:, 1].tolist() == [40, 20, -20]
    assert scores(logits, 4).shape == (1, 3)
    assert scores(logits[:1], 2).shape == (0, 3)


def test_one_high_decision_alone_is_no_word() -> None:
    assert not detect(stream(None, 1, None, None), regular(4), rule())
    found = detect(stream(None, 1, 1, None), regular(4), rule())
    assert found == (Event(2 * PERIOD, 1, 40),)


def test_a_word_is_heard_once_until_the_refractory_time_is_over() -> None:
    found = detect(stream(*[1] * 10), regular(10), rule())
    assert [event.time // PERIOD for event in found] == [1, 5, 9]


def test_after_an_event_another_word_waits_as_well() -> None:
    found = detect(stream(1, 1, 2, 2, 2, 2, 2), regular(7), rule())
    assert [(event.label, event.time // PERIOD) for event in found] == [(1, 1), (2, 5)]


def test_each_word_has_its_own_threshold() -> None:
    logits = stream(1, 1, None, None, None, 2, 2)
    assert [e.label for e in detect(logits, regular(7), rule(thresholds=(NEVER, 41, 40)))] == [2]
    assert [e.label for e in detect(logits, regular(7), rule(thresholds=(NEVER, 40, NEVER)))] == [1]


def test_the_class_that_is_beyond_its_threshold_most_is_the_word() -> None:
    logits = np.array([[0, 10, 10]], np.int8)
    for thresholds, label in (((NEVER, -3, -5), 2), ((NEVER, -5, -5), 1)):
        (event,) = detect(logits, regular(1), rule(1, thresholds=thresholds))
        assert (event.label, event.score) == (label, 0)


def test_what_was_before_a_pause_does_not_count() -> None:
    times = regular(4)
    times[2:] += np.uint32(1)
    assert not detect(stream(None, 1, 1, None), times, rule())


def test_times_may_wrap() -> None:
    found = detect(stream(*[1] * 10), regular(10, 2**32 - 3 * PERIOD), rule())
    assert [event.time for event in found] == [(k * PERIOD) % 2**32 for k in (-2, 2, 6)]


# -- the twin --------------------------------------------------------------------------------------


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    classes = draw(st.integers(2, CLASSES))
    least = st.one_of(st.integers(-300, 300), st.sampled_from([NEVER, -(2**31), 0]))
    thresholds = draw(st.lists(least, min_size=classes, max_size=classes))
    period, refractory = draw(st.integers(1, 2000)), draw(st.integers(0, 2**32 - 1))
    refractory = draw(st.sampled_from([0, period, 5 * period + 1, refractory]))
    return Rule(draw(st.integers(1, MOST_SPAN)), period, refractory, tuple(thresholds))


@given(rules(), st.integers(0, 2**32 - 1), st.integers(1, 128))
def test_c_finds_the_same_events(twin: Twin, rule: Rule, seed: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 80))
    logits = rng.integers(-most, most, (count, len(rule.thresholds))).astype(np.int8)
    steps = np.where(rng.random(count) < 0.1, rng.integers(0, 2**32, count), rule.period)
    times = np.cumsum(steps, dtype=np.uint64).astype(np.uint32)
    assert twin.detect(logits, times, rule) == detect(logits, times, rule)


def test_fuzzing_meets_events_of_several_words_and_pauses(twin: Twin) -> None:
    rng = np.random.default_rng(3)
    logits = rng.integers(-20, 20, (4000, 6)).astype(np.int8)
    times = np.cumsum(np.where(rng.random(4000) < 0.02, 1, PERIOD)).astype(np.uint32)
    own = rule(3, thresholds=(30, 25, NEVER, 30, 20, 30))
    found = twin.detect(logits, times, own)
    assert found == detect(logits, times, own)
    assert {event.label for event in found} == {0, 1, 3, 4, 5}
    assert len(found) > 20
