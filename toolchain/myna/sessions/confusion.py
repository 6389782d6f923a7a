# SPDX-License-Identifier: Apache-2.0
"""Which known word a new one sounds like, told by its takes before the board is trained.

Training tells apart most words that the board at first accepts as others. What it cannot tell apart
are takes that are as much like another word as that word's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from myna.audio.config import silence_of, unknown_of
from myna.device.session import Board
from myna.names import SIMILARITY
from myna.passes.memory.plan import Program
from myna.sessions.words import known_words

NEAR = 4096  # Q15: a take may be so much less like a word than is typical of its own takes


@dataclass(frozen=True)
class Confusion:
    """Takes of a word that are as much like another one as its own.

    Attributes:
        takes: of the word.
        words: how many of them are like each other word, most first.
    """

    takes: int
    words: Mapping[str, int]

    def __bool__(self) -> bool:
        """Whether more than half of the takes are like one other word."""
        return any(2 * count > self.takes for count in self.words.values())


NONE = Confusion(0, {})


def find_confusion(session: Board, program: Program, slots: Sequence[int], label: int) -> Confusion:
    """What stored takes of a word are like that a board has not learned yet.

    Args:
        session: with a board that runs `program`, whose state is whole.
        program: tells whether the network measures similarity; if not, nothing is found.
        slots: of the takes.
        label: their class.

    Raises:
        MynaError: the board failed.
    """
    if SIMILARITY not in program.graph.tensors:
        return NONE
    names = known_words(session)
    foreign = {label, silence_of(session.labels), unknown_of(session.labels)}
    found = (session.infer(slot) for slot in slots)
    counts = Counter(x.label for x in found if x.confidence >= -NEAR and x.label not in foreign)
    return Confusion(len(slots), {names[other]: n for other, n in counts.most_common()})
