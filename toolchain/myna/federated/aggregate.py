# SPDX-License-Identifier: Apache-2.0
"""The mean of what boards have learned, in integers; SPEC.md, section 18.

An update is the difference of two vectors (`learn.vector`); the server adds the mean of the
updates to its own vector. What is not in the vector stays the server's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from myna import fixed
from myna.errors import MynaError
from myna.learn.vector import Vector, from_vector, parameters, to_vector
from myna.passes.memory.plan import Program

TAKES_MAX = 1 << 29  # of all clients of a round, times the rate: sums stay within int64
ONE = Fraction(1)


@dataclass(frozen=True)
class Contribution:
    """What one client sent.

    Attributes:
        client: its number, which decides the order.
        takes: of how many takes it learned; its weight.
        update: int32 [parameters].
    """

    client: int
    takes: int
    update: Vector


@dataclass(frozen=True)
class Total:
    """What clients sent, added up.

    Attributes:
        takes: of all of them.
        vector: int64 [parameters], updates times takes.
    """

    takes: int
    vector: npt.NDArray[np.int64]


def aggregate(
    program: Program, state: bytes, contributions: Sequence[Contribution], rate: Fraction = ONE
) -> bytes:
    """The server's next state, of what clients sent; see `add` and `advance`."""
    return advance(program, state, add(program, contributions), rate)


def add(program: Program, contributions: Sequence[Contribution]) -> Total:
    """The sum of contributions, whose order does not matter.

    Args:
        program: of server and clients.
        contributions: of all clients that answered.

    Raises:
        MynaError: takes or an update are out of bounds.
    """
    summed = np.zeros(parameters(program), np.int64)
    for one in contributions:
        if one.update.shape != summed.shape or one.update.dtype != np.int32:
            raise MynaError(
                f"sent an update of {one.update.size} values, not {summed.size}",
                where=f"client {one.client}",
                fix="flash the firmware of this model: `myna flash`",
            )
        _require(0 < one.takes < TAKES_MAX, one.takes)
        summed += one.takes * one.update.astype(np.int64)
    return Total(sum(one.takes for one in contributions), summed)


def advance(program: Program, state: bytes, total: Total, rate: Fraction = ONE) -> bytes:
    """The server's next state: its own plus the mean of the updates, weighted by takes.

    Integers only: products and sums in int64, one division, halves away from zero
    (`fixed.divide`).

    Args:
        program: of server and clients.
        state: the server's.
        total: of at least one client.
        rate: the server's: a multiple of the mean.

    Raises:
        MynaError: nobody contributed, or there are too many takes for int64.
    """
    largest = total.takes * max(rate.numerator, rate.denominator)
    _require(0 < largest < TAKES_MAX, total.takes)
    mean = fixed.divide(total.vector * rate.numerator, total.takes * rate.denominator)
    return from_vector(program, state, to_vector(program, state) + mean)


def _require(possible: bool, takes: int) -> None:
    if not possible:
        raise MynaError(f"a round of {takes} takes cannot be averaged", where="federation")
