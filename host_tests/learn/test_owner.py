# SPDX-License-Identifier: Apache-2.0
"""Whose voice says a word: on boards and in the specification, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from myna.device import bodies as b
from myna.device import messages as m
from myna.device.link import DeviceError
from myna.device.session import Board
from myna.device.status import Status
from myna.engines.library import HostLibrary
from myna.engines.reference import Reference
from myna.errors import MynaError
from myna.ir import Array
from myna.learn.owner import LARGEST, Verdict, enroll, judge, template
from myna.names import CLASSES, OWNER, OWNER_THRESHOLD, THRESHOLD
from myna.passes.training.imprint import without_class
from myna.project import Project, open_project
from myna.sessions.learning import patch_state, scalar
from myna.sessions.owner import enroll_owner, verify
from support import tiny_model

A, B = 0, 1  # words that the network knows


@pytest.fixture(scope="module")
def project() -> Project:
    return open_project(tiny_model.telling_voices(), tiny_model.HEAD)


@pytest.fixture(scope="module", params=["host", pytest.param("qemu_m4", marks=pytest.mark.qemu)])
def whole(request: pytest.FixtureRequest, project: Project) -> Iterator[Board]:
    with project.connect(request.param) as session:
        yield session


@pytest.fixture
def board(whole: Board) -> Board:
    whole.reset_state()
    whole.clear_clips()
    return whole


@pytest.fixture
def takes() -> Array:
    """Takes of "a" by one voice."""
    return tiny_model.examples(("a",), 6).features


def other_voice(features: Array) -> Array:
    """The same words, with bands that are louder and softer."""
    tilt = np.array([25, -25] * (features.shape[-1] // 2))
    return np.clip(features + tilt, -128, 127).astype(np.int8)


def test_board_and_specification_agree(project: Project, board: Board, takes: Array) -> None:
    cores: list[Reference | HostLibrary] = [Reference(project.program), project.library()]
    for slot, one in enumerate(takes[:3]):
        board.put_features(one, slot, A)
    board.put_features(takes[5], 3, B)  # another word's template is left alone
    assert enroll_owner(board, A) == 3
    scores = []
    for core in cores:
        enroll(core, A, takes[:3])
        assert core.read_state() == board.read_state()
    for one in (*takes[3:], *other_voice(takes)):
        board.put_features(one, 4, None)
        found = verify(board, 4)
        assert {judge(core, one, found.label) for core in cores} == {(found.verdict, found.score)}
        scores.append(found.score)
    assert len(set(scores)) > 5
    assert min(scores[:3]) > max(scores[3:])  # whatever the threshold


def test_the_threshold_decides(project: Project, board: Board, takes: Array) -> None:
    board.put_features(takes[0], 0, A)
    enroll_owner(board, A)
    score = verify(board, 0).score
    for threshold, verdict in ((score, Verdict.OWNER), (score + 1, Verdict.OTHER_VOICE)):
        patch_state(board, project.program, OWNER_THRESHOLD, scalar(threshold))
        assert verify(board, 0).verdict is verdict


def test_what_the_device_labelled_itself_is_not_the_owner(board: Board, takes: Array) -> None:
    board.put_features(takes[0], 0, A)
    board.put_features(other_voice(takes)[1], 1, None)
    heard = board.link.request(m.LISTEN, b.Listen(1, 0, 0, 0, 9))
    assert (heard.label, heard.verdict) == (A, 0)  # kept, as a clip of the same word
    assert enroll_owner(board, A) == 1


def test_without_an_owner_or_a_word_nobody_is_accepted(
    project: Project, board: Board, takes: Array
) -> None:
    board.put_features(takes[0], 0, A)
    assert verify(board, 0).verdict is Verdict.NO_OWNER
    enroll_owner(board, A)
    patch_state(board, project.program, THRESHOLD, scalar(1 << 20))
    assert verify(board, 0).verdict is Verdict.NO_WORD


def test_what_is_not_there_is_refused(board: Board, takes: Array) -> None:
    for label, status in ((A, Status.BAD_SLOT), (board.info.max_classes - 1, Status.BAD_LABEL)):
        with pytest.raises(DeviceError) as refused:
            enroll_owner(board, label)
        assert refused.value.status == status
    board.put_features(takes[0][:-1], 0, None)
    with pytest.raises(DeviceError) as refused:
        verify(board, 0)
    assert refused.value.status == Status.BAD_SLOT


def test_a_model_that_cannot_tell_voices_has_no_owner(takes: Array) -> None:
    silent = open_project(tiny_model.folder(), tiny_model.HEAD)
    assert OWNER not in silent.program.state
    with silent.connect("host") as board:
        board.put_features(takes[0], 0, A)
        assert verify(board, 0).verdict is Verdict.NO_OWNER
        with pytest.raises(DeviceError):
            enroll_owner(board, A)


def test_a_template_is_bounded_and_goes_with_its_class(project: Project) -> None:
    reference = Reference(project.program)
    templates = reference.get_state(OWNER).copy()
    templates[4], templates[5] = 11, 22
    reference.set_state(OWNER, templates)
    reference.set_state(CLASSES, scalar(6))
    left = without_class(project.program.graph, reference.values, 4)
    assert left[OWNER][4].tolist() == templates[5].tolist()
    assert not left[OWNER][5].any()
    templates[0, 0] = -128
    with pytest.raises(MynaError, match="-128"):
        reference.set_state(OWNER, templates)


def test_all_takes_of_a_template_count_alike() -> None:
    one, two = np.array([100, 0, 0], np.int8), np.array([0, 3, 0], np.int8)
    assert template([one, two]).tolist() == [LARGEST, LARGEST, 0]
    assert template([one, one, two]).tolist() == [LARGEST, 64, 0]
    assert template([-one]).tolist() == [-LARGEST, 0, 0]
    assert not template([np.zeros(3, np.int8)]).any()
