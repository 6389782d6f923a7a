# SPDX-License-Identifier: Apache-2.0
"""An engine that is a board: see `evaluation.engine`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from myna.device.results import Classified
from myna.device.session import Board
from myna.errors import MynaError
from myna.evaluation.base import BoardBase
from myna.ir import Array
from myna.learn.accept import Judged
from myna.learn.examples import Examples
from myna.learn.learn import Learned
from myna.learn.recipe import Recipe
from myna.passes.memory.plan import Program
from myna.sessions.learning import learn_on, patch_state, store_examples
from myna.sessions.user import draw_codeword


class BoardEngine:
    """An engine on a board; it takes the board's clip slots for itself."""

    def __init__(self, session: Board, program: Program) -> None:
        self._session, self._program = session, program
        self.base = BoardBase(session, program)
        self.read_state, self.write_state = session.read_state, session.write_state

    def reset(self) -> None:
        """See `Engine`."""
        self._session.reset_state()

    def set_state(self, name: str, value: Array) -> None:
        """See `Engine`."""
        patch_state(self._session, self._program, name, value)

    def infer(self, features: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
        """See `Engine`."""
        return np.array([found.logits for found in self._classify(features)])

    def judge(self, features: npt.NDArray[np.int8]) -> Judged:
        """See `Engine`."""
        found = self._classify(features)
        return Judged.of((one.label, one.confidence, one.accepted) for one in found)

    def set_codeword(self, codeword: Array) -> None:
        """A secret does not cross the line."""
        raise MynaError(
            "no codeword crosses the line to a board",
            where="engine on a board",
            fix="use --engine host, or reference",
        )

    def draw_codeword(self) -> None:
        """See `Engine`."""
        draw_codeword(self._session)

    def _classify(self, features: npt.NDArray[np.int8]) -> Iterator[Classified]:
        slots = self._session.info.max_clips
        for start in range(0, len(features), slots):
            piece = features[start : start + slots]
            store_examples(self._session, Examples(piece, np.zeros(len(piece), np.int64)))
            yield from (self._session.infer(slot) for slot in range(len(piece)))

    def learn(self, examples: Examples, recipe: Recipe) -> Learned:
        """See `Engine`.

        Raises:
            MynaError: there are more examples than clip slots.
        """
        store_examples(self._session, examples)
        return learn_on(self._session, self._program, recipe)
