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

from myna import fixed
from myna.errors import MynaError
from myna.learn.vector import Vector, from_vector, to_vector
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


def aggregate(
    program: Program, state: bytes, contributions: Sequence[Contribution], rate: Fraction = ONE
) -> bytes:
    """The server's next state: its own plus the mean of the updates, weighted by takes.

    Integers only: products and sums in int64, one division, halves away from zero
    (`fixed.divide`). The order of the contributions does not matter.

    Args:
        program: of server and clients.
        state: the server's.
        contributions: of at least one client.
        rate: the server's: a multiple of the mean.

    Raises:
        MynaError: nobody contributed, or takes or an update are out of bounds.
    """
    total = sum(one.takes for one in contributions)
    vector = to_vector(program, state)
    largest = total * max(rate.numerator, rate.denominator)
    if largest >= TAKES_MAX or any(one.takes < 1 for one in contributions) or not contributions:
        raise MynaError(f"a round of {total} takes cannot be averaged", where="federation")
    summed = np.zeros(vector.size, np.int64)
    for one in sorted(contributions, key=lambda one: one.client):
        if one.update.shape != vector.shape or one.update.dtype != np.int32:
            raise MynaError(
                f"sent an update of {one.update.size} values, not {vector.size}",
                where=f"client {one.client}",
                fix="flash the firmware of this model: `myna flash`",
            )
        summed += one.takes * one.update.astype(np.int64)
    mean = fixed.divide(summed * rate.numerator, total * rate.denominator)
    return from_vector(program, state, vector + mean)
