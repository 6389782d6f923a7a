# SPDX-License-Identifier: Apache-2.0
"""What a comparison says of a board that differs once, and not when it is asked again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from myna.device.results import Traced
from myna.device.session import Board
from myna.engines.verify import Verifier, verify_steps
from myna.passes.pipeline import Options
from myna.project import open_project
from support import tiny, tiny_model


def test_a_difference_that_does_not_come_back_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    project = open_project(tiny_model.folder("plain"), Options(train="all"))
    clips = [(x, i) for i, x in enumerate(tiny.features(2))]
    begin, steps = Board.begin_trace_step, iter(range(9))

    def begin_wrong(board: Board) -> Callable[[], Traced]:
        ended, number = begin(board), next(steps)

        def end() -> Traced:
            traced = ended()
            digests = traced.digests.copy()
            digests[3] ^= 1 if number == 1 else 0
            return replace(traced, digests=digests)

        return end

    monkeypatch.setattr(Board, "begin_trace_step", begin_wrong)
    with project.connect("host") as board:
        found = verify_steps(Verifier(project.program, board, clips), 3)
    assert (found.steps, found.differences) == (3, 1)
    assert found.first is not None
    assert (found.first.step, found.first.element, found.first.found) == (1, None, None)
    assert "the board is unreliable" in str(found.first)
    assert found.to_json()["first_difference"]["element"] is None
