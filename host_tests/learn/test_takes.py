# SPDX-License-Identifier: Apache-2.0
"""Takes of one word that say different words, on the host board and in the specification."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from myna.device import bodies as b
from myna.device import messages as m
from myna.device.link import DeviceError
from myna.device.session import Board
from myna.engines.reference import Reference
from myna.learn.examples import Examples
from myna.learn.takes import ALIKE, agreement, odd_one
from myna.project import Project, open_project
from myna.sessions.learning import store_examples
from support import tiny_model

NEW = 4  # a class that is not in use


@pytest.fixture(scope="module")
def project() -> Project:
    return open_project(tiny_model.folder(), tiny_model.HEAD)


@pytest.fixture(scope="module")
def board(project: Project) -> Iterator[Board]:
    with project.connect("host") as session:
        yield session


@pytest.mark.parametrize("count", [2, 3, 7])
def test_board_and_specification_agree(project: Project, board: Board, count: int) -> None:
    memories = project.package.knowledge.memories
    features = memories.features[:count]
    store_examples(board, Examples(features, np.full(count, NEW)))
    reference = Reference(project.program)
    embeddings = np.array([reference.embed(one) for one in features])
    expected = agreement(embeddings, project.package.knowledge.prior.center)
    reply = board.link.request(m.TAKES, b.Takes(NEW))
    assert np.frombuffer(reply.alike, np.int8).tolist() == expected
    assert reply.count == count
    odd = odd_one(expected)
    assert reply.odd == (0xFFFF if odd is None else odd)


def test_a_single_take_agrees_with_itself(project: Project, board: Board) -> None:
    features = project.package.knowledge.memories.features[:1]
    store_examples(board, Examples(features, np.array([NEW])))
    reply = board.link.request(m.TAKES, b.Takes(NEW))
    assert (reply.odd, reply.count, reply.alike) == (0xFFFF, 1, b"")


def test_no_such_class(board: Board) -> None:
    with pytest.raises(DeviceError):
        board.link.request(m.TAKES, b.Takes(board.info.max_classes))


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_agreement_is_a_cosine(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    embeddings = random.integers(0, 256, (count, 12))
    center = random.integers(0, 128 * 16, 12).astype(np.int16)
    away = embeddings - center / 16
    for own, found in zip(away, agreement(embeddings, center), strict=True):
        rest = away.sum(0) - own
        cosine = own @ rest / np.linalg.norm(own) / np.linalg.norm(rest)
        assert abs(found - 127 * cosine) < 1.1


def test_the_take_that_differs_most_is_named() -> None:
    assert odd_one([ALIKE, 100]) is None
    assert odd_one([ALIKE - 1, -20, 100]) == 1
