# SPDX-License-Identifier: Apache-2.0
"""The C core hears what the reference hears, however the sound is cut, and rests in silence."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from myna.audio.features import Pcm
from myna.engines.listening import HostListening
from myna.errors import MynaError
from myna.learn.detect import SPAN, Event
from myna.learn.listening import Heard, Listening
from myna.learn.templates import SILENT, WORDS
from support.listeners import (
    ENDS,
    RATE,
    THRESHOLDS,
    classes,
    pieces,
    project,
    reference,
    rustle,
    scene,
    takes,
    word,
)

NARROW = 29_000_000  # score that few decisions of the tiny network reach
LONG = RATE  # samples: longer than a word resembles itself


def library(name: str = "ds_cnn") -> HostListening:
    found = project(name).library().listening()
    for number, label in enumerate(classes(name)):
        found.make_template(label, takes(name, number))
        found.set_threshold(label, THRESHOLDS[name][number])
    return found


def events(listening: Listening, sound: Iterable[Pcm]) -> list[Event]:
    return [event for piece in sound for event in listening.push(piece).events]


def everything(listening: Listening, pcm: Pcm) -> Heard:
    """The last answer, with all events."""
    found = events(listening, [pcm])
    return replace(listening.push(pcm[:0]), events=tuple(found))


@pytest.mark.parametrize(("gated", "most"), [(True, 1600), (False, 5000), (True, 20)])
def test_c_and_reference_hear_the_same_however_sound_is_cut(gated: bool, most: int) -> None:
    c, (twin, taker) = library("tiny"), reference("tiny")
    for number, label in enumerate(classes("tiny")):
        twin.make_template(label, takes("tiny", number), taker)
        twin.set_threshold(label, THRESHOLDS["tiny"][number])
        np.testing.assert_array_equal(c.template(label), twin.template(label))
    c.begin(gated=gated, refractory=9000)
    twin.begin(gated=gated, refractory=9000)
    sound = pieces(scene()[: 8 * RATE if most > 20 else RATE], most)
    for number, piece in enumerate(sound):
        if number % 40 == 39:  # the host lost some
            c.skip(777)
            twin.skip(777)
        heard = c.push(piece)
        assert heard == twin.push(piece)
    assert heard.lost == len(sound) // 40 * 777
    assert heard.samples == sum(map(len, sound)) + heard.lost


def test_c_and_reference_keep_refuse_and_add_the_same_sounds() -> None:
    c, (twin, taker) = library("tiny"), reference("tiny")
    for number, label in enumerate(classes("tiny")):
        twin.make_template(label, takes("tiny", number), taker)
        for one in (c, twin):
            one.set_threshold(label, (NARROW, SILENT)[number])
    c.begin(gated=False, refractory=9000)
    twin.begin(gated=False, refractory=9000)
    kinds, sound = set[bool](), pieces(scene(), 3000)
    for number, piece in enumerate(sound):
        assert c.push(piece) == twin.push(piece)
        kept = c.sightings()
        assert kept == twin.sightings()
        assert len(kept) <= 4
        kinds |= {sighting.accepted for sighting in kept}
        if kept and number % 15 == 14:
            chosen, label = kept[-1].number, kept[-1].label
            for one in (c, twin):
                if number % 2:
                    one.refuse(chosen)
                else:
                    one.add(chosen, label)
            np.testing.assert_array_equal(c.template(label), twin.template(label))
            assert chosen not in [sighting.number for sighting in c.sightings()]
    assert kinds == {True, False}
    assert c.rivals == twin.rivals > 1


def test_a_refused_sound_is_not_heard_again_and_the_word_is() -> None:
    c, (label, other) = library(), classes("ds_cnn")
    c.set_threshold(other, SILENT)
    c.set_threshold(label, 4_000_000)  # so low that the other word is taken for it
    c.begin(refractory=LONG)

    def near(end: float) -> bool:
        return any(abs(event.time - end) < 1.2 * RATE for event in found)

    found = events(c, pieces(scene()[: int(ENDS[1]) + RATE], 1600))
    assert near(ENDS[1])
    wrong = c.sightings()[0]
    assert wrong.accepted
    assert 0 < wrong.time - ENDS[1] < 1.2 * RATE
    c.refuse(wrong.number)
    c.begin(refractory=LONG)
    found = events(c, pieces(scene(), 1600))
    assert not near(ENDS[1])
    assert near(ENDS[2])


def test_a_near_miss_that_was_the_word_makes_the_next_one_surer() -> None:
    c, (label, other) = library(), classes("ds_cnn")
    c.set_threshold(other, SILENT)
    c.set_threshold(label, SILENT)
    c.begin(refractory=LONG)
    most = max(c.push(piece).scores[label] for piece in pieces(scene(), 640))
    c.set_threshold(label, most + 1000)
    c.begin(refractory=LONG)
    assert not events(c, pieces(scene(), 1600))
    nearest = max(c.sightings(), key=lambda one: one.score)
    assert not nearest.accepted
    c.add(nearest.number, label)
    c.begin(refractory=LONG)
    assert events(c, pieces(scene(), 1600))


def test_words_are_heard_when_they_are_said() -> None:
    c = library()
    c.begin(refractory=LONG)
    found = events(c, pieces(scene(), 1600))
    first, second = classes("ds_cnn")
    assert [event.word for event in found] == [first, second, first, second]
    assert np.abs([event.time for event in found] - ENDS).max() < 1.2 * RATE
    c.begin(refractory=LONG)
    assert events(c, [scene()]) == found


def test_in_silence_the_network_rests_and_hears_the_next_word_all_the_same() -> None:
    c = library()
    silence, end = rustle(12 * RATE, 1), rustle(2 * RATE, 2)
    sound = np.concatenate([silence, word(1, 51), end]).astype(np.int16)
    c.begin(gated=False, refractory=LONG)
    always = everything(c, sound)
    c.begin(refractory=LONG)
    gated = everything(c, sound)
    assert gated.decisions < always.decisions // 2
    assert [event.word for event in gated.events] == [event.word for event in always.events]
    assert len(gated.events) == 1
    c.begin(refractory=LONG)
    assert not c.push(silence.astype(np.int16)).is_open
    assert c.push((20 * end).astype(np.int16)).is_open


def test_no_event_without_a_threshold() -> None:
    c, (label, _) = project("ds_cnn").library().listening(), classes("ds_cnn")
    c.make_template(label, takes("ds_cnn", 0))
    assert not events(c, [scene()])
    c.set_threshold(label, -SILENT)
    c.begin(refractory=0, gated=False)
    found = everything(c, scene()[: 4 * RATE])
    assert len(found.events) == found.decisions - SPAN > 10  # from the first that has all


def test_a_word_goes_with_its_class_and_the_last_one_takes_its_place() -> None:
    c, (first, second) = library(), classes("ds_cnn")
    last = c.template(second)
    c._c.myna_templates_remove(first, second)
    np.testing.assert_array_equal(c.template(first), last)
    assert c.push(scene()[:0]).scores.keys() == {first}
    c._c.myna_templates_remove(2, first)  # a class that is no word
    np.testing.assert_array_equal(c.template(2), last)
    c._c.myna_templates_clear(3)
    np.testing.assert_array_equal(c.template(2), last)
    c._c.myna_templates_clear(2)
    assert not c.push(scene()[:0]).scores


def test_there_is_room_for_so_many_words() -> None:
    c, some = project("ds_cnn").library().listening(), takes("ds_cnn", 0)[:1]
    for label in range(WORDS):
        c.make_template(label, some)
    c.make_template(0, some)  # once more
    with pytest.raises(MynaError, match="as many words"):
        c.make_template(WORDS, some)


def test_what_finds_no_room_in_the_ring_is_counted() -> None:
    """Nobody polls for two seconds; then all goes on, and times are right."""
    c = library()
    c.begin(gated=False, refractory=LONG)
    c.push(scene()[: 2 * RATE])
    blind = np.ascontiguousarray(scene()[2 * RATE : 4 * RATE])
    c._c.myna_sound_push(ctypes.c_void_p(blind.ctypes.data), len(blind), 2 * RATE)
    c._time = 4 * RATE
    before = c.push(scene()[:0])
    assert (before.samples, before.lost) == (4 * RATE, 320 * (100 - 63))
    found = everything(c, scene()[4 * RATE :])
    assert (found.samples, found.lost) == (len(scene()), before.lost)
    assert [event.word for event in found.events] == [13, 12, 13]
    assert np.abs([event.time for event in found.events] - ENDS[1:]).max() < 1.2 * RATE


def test_what_was_heard_before_is_passed_over() -> None:
    c, sound = library(), scene()
    c.begin()
    expected = everything(c, sound[: 6 * RATE])
    c.begin()
    c.push(sound[: 3 * RATE])
    c._time = 2 * RATE
    assert c.push(sound[2 * RATE : 6 * RATE]).samples == 6 * RATE
    assert c.push(sound[:0]).decisions == expected.decisions


@pytest.mark.parametrize(("train", "more"), [("head", 1), ("all", 0)])
def test_what_was_kept_is_of_no_use_once_training_changed_what_made_it(
    train: str, more: int
) -> None:
    core = project("tiny", train).library()
    c, period = core.listening(), RATE // 25
    c.begin(gated=False)
    before = c.push(scene()[: 3 * RATE]).decisions
    assert c.push(scene()[:period]).decisions == before + 1
    core.train_step(takes("tiny", 0)[0], 1)
    assert c.push(scene()[:period]).decisions == before + 1 + more
    assert c.push(scene()[: 3 * RATE]).decisions > before + 10


def test_a_library_without_streaming_says_so() -> None:
    with pytest.raises(MynaError, match="without streaming"):
        project("tiny", streaming=False).library().listening()
