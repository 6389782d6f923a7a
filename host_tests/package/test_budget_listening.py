# SPDX-License-Identifier: Apache-2.0
"""RAM of a board that listens while it learns: as much as was allowed, and not much less."""

from __future__ import annotations

import pytest
from myna.device import messages as m
from myna.learn.recipe import Recipe
from myna.package.needs import Needs
from myna.passes.pipeline import Options
from myna.project import open_project
from myna.sessions.learning import follow
from myna.sessions.stream import BoardListening
from support.listeners import FOLDERS, RATE, classes, scene, takes

K = 1024


@pytest.mark.qemu
def test_a_board_listens_and_learns_within() -> None:
    project = open_project(FOLDERS["ds_cnn"], Options(train="head", streaming=True, ram=64 * K))
    needs = Needs.of(project.program, has_front_end=True, streaming=project.streaming)
    clips, heard = project.options.clips, project.options.heard
    assert clips >= 5
    static = project.firmware("qemu_m4").static_bytes
    assert 0 <= needs.total(clips, heard) - needs.stack - static < 512
    with project.connect("qemu_m4") as board:
        listening, (label, _) = BoardListening(board), classes("ds_cnn")
        for slot, features in enumerate(takes("ds_cnn", 0)):
            board.put_features(features, slot, label)
        listening.make_template(label)
        listening.begin(gated=False)
        learned = board.link.begin(m.LEARN, follow(board, project.program, Recipe(epochs=1)))
        at = 0
        while not learned.is_ready():
            listening.push(scene()[at : at + RATE // 10])
            at += RATE // 10
        assert learned().imprinted == 1
        used = board.status().stack_high_water
    assert used <= needs.stack
    assert used > needs.stack - 2 * K
