# SPDX-License-Identifier: Apache-2.0
"""Differences to a state that host and board both know, instead of whole states.

Methods of a session raise MynaError as those of `session.Board` do. A board that has no base, or no
room for one, refuses with the status NO_BASE.
"""

from __future__ import annotations

from myna.device import messages as m
from myna.device.bodies import Empty, Piece, Range, UpdateMake
from myna.device.session import PIECE, Board, spans
from myna.errors import MynaError


def set_base(board: Board) -> None:
    """The state in use becomes the base.

    It stays until another one is set, the state is reset, or the power goes.
    """
    board.link.request(m.BASE_SET, Empty())


def apply_difference(board: Board, data: bytes) -> None:
    """Adds an encoded difference (`learn.codec`) to base and state."""
    pieces = [Piece(at, data[at : at + PIECE]) for at in range(0, len(data), PIECE)]
    board.link.stream(m.DIFFERENCE_WRITE, pieces)
    board.link.request(m.DIFFERENCE_APPLY, Empty())


def swap_unsent(board: Board) -> None:
    """Exchanges the state and what was not sent, so that this can be read, or written."""
    board.link.request(m.UNSENT_SWAP, Empty())


def make_update(board: Board, budget: int, private: bytes = b"") -> bytes:
    """What the state has beyond the base, encoded in so many bytes at most; see `learn.base`.

    Args:
        board: whose state.
        budget: bytes.
        private: a bit for each tensor of which nothing is told, see `bodies.UpdateMake`.
    """
    if budget > board.info.arena_bytes:
        raise MynaError(
            f"has no room for an update of {budget} bytes, only for {board.info.arena_bytes}",
            where=board.link.name,
            fix="allow fewer bits a weight",
        )
    made = board.link.request(m.UPDATE_MAKE, UpdateMake(budget, private))
    here = len(made.data)
    rest = [Range(here + at, length) for at, length in spans(made.length - here)]
    replies = board.link.stream(m.UPDATE_READ, rest)
    return made.data + b"".join(reply.data for reply in replies)
