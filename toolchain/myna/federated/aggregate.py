# SPDX-License-Identifier: Apache-2.0
"""What boards have learned, as one vector of integers, and its mean over boards; SPEC.md, 18.

A state block becomes a vector int32 of all that is averaged (`to_vector`); an update is the
difference of two such vectors; the server adds the mean of the updates to its own vector, and
writes it back into planes (`from_vector`). What is not in the vector stays the server's: learning
rate, seed, step, number and names of classes, count of wraps, the plane that int8-only weights
share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np
import numpy.typing as npt

from myna import fixed
from myna.errors import MynaError
from myna.ir import Array
from myna.names import THRESHOLD, TRACKED, TYPICAL
from myna.ops.ranges import RANGE_FLOOR
from myna.ops.sgd import BIAS_MAX, MASTER_MAX, MASTER_MIN
from myna.passes.bounds import MOST_TYPICAL
from myna.passes.memory.plan import Program

Vector = npt.NDArray[np.int32]

RANGE_BITS = 24  # of a range's mantissa behind its leading one
RANGE_TOP = 63  # largest exponent of a range; what training meets is near 0
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
    parameters = to_vector(program, state).size
    return advance(program, state, add(contributions, parameters), rate)


def add(contributions: Sequence[Contribution], parameters: int) -> Total:
    """The sum of contributions, whose order does not matter.

    Args:
        contributions: of all clients that answered.
        parameters: of the model.

    Raises:
        MynaError: takes or an update are out of bounds.
    """
    summed = np.zeros(parameters, np.int64)
    for one in contributions:
        if one.update.shape != summed.shape or one.update.dtype != np.int32:
            raise MynaError(
                f"sent an update of {one.update.size} values, not {parameters}",
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


def to_vector(program: Program, state: bytes) -> Vector:
    """All that is averaged, in the order of the state block, int32 [parameters]."""
    values = program.unpack(state)
    parts = [kind.read(values, name).reshape(-1) for name, kind in _averaged(program)]
    return np.concatenate(parts).astype(np.int32)


def from_vector(program: Program, state: bytes, vector: Array) -> bytes:
    """The state block with these values, clamped as training does, in place of its own."""
    values, at = program.unpack(state), 0
    for name, kind in _averaged(program):
        shape = kind.read(values, name).shape
        size = int(np.prod(shape))
        kind.write(values, name, vector[at : at + size].reshape(shape))
        at += size
    return program.pack(values)


def elements(program: Program) -> Iterator[tuple[str, int]]:
    """The tensors of the vector, and how many elements each has, in their order."""
    values = program.unpack(bytes(program.state_bytes))
    for name, kind in _averaged(program):
        yield name, kind.read(values, name).size


def trained_weights(program: Program) -> int:
    """Weights and biases that a round averages."""
    names = (name for name, _ in _averaged(program) if name.endswith((".w", ".b")))
    return sum(program.graph.tensors[name].size for name in names)


@dataclass(frozen=True)
class _Kind:
    """How tensors of one kind are read as integers that can be averaged, and written back."""

    read: Callable[[dict[str, Array], str], Array]
    write: Callable[[dict[str, Array], str, Array], None]


def _averaged(program: Program) -> Iterator[tuple[str, _Kind]]:
    for name in program.state:
        if name in (TYPICAL, THRESHOLD):
            yield name, _WHOLE[MOST_TYPICAL]
        elif name.endswith(TRACKED):
            yield name, _RANGE
        elif name.endswith(".w"):
            yield name, _WEIGHT
        elif name.endswith(".b"):
            yield name, _WHOLE[BIAS_MAX]


def _read_master(values: dict[str, Array], name: str) -> Array:
    """256 times the weight, and its residual where it has one of its own."""
    residual = values.get(f"{name}.residual")
    master = 256 * values[name].astype(np.int64)
    return master if residual is None else master + residual


def _write_master(values: dict[str, Array], name: str, master: Array) -> None:
    master = fixed.saturate(master, MASTER_MIN, MASTER_MAX)
    high = (master + 128) >> 8
    values[name] = high.astype(np.int8)
    if f"{name}.residual" in values:
        values[f"{name}.residual"] = (master - 256 * high).astype(np.int8)


def _read_whole(values: dict[str, Array], name: str) -> Array:
    return values[name].astype(np.int64)


def _write_whole(most: int, values: dict[str, Array], name: str, found: Array) -> None:
    values[name] = fixed.saturate(found, -most, most).astype(np.int32)


def _read_range(values: dict[str, Array], name: str) -> Array:
    """A range's exponent, then `RANGE_BITS` of its mantissa: the integer grows as its logarithm."""
    mantissa, exponent = values[name].astype(np.int64)
    code = (exponent << RANGE_BITS) + ((mantissa - (1 << 30)) >> (30 - RANGE_BITS))
    return np.array([code])


def _write_range(values: dict[str, Array], name: str, code: Array) -> None:
    low, high = RANGE_FLOOR << RANGE_BITS, (RANGE_TOP + 1 << RANGE_BITS) - 1
    found = int(fixed.saturate(code, low, high)[0])
    mantissa = (1 << 30) + ((found & ((1 << RANGE_BITS) - 1)) << (30 - RANGE_BITS))
    values[name] = np.array((mantissa, found >> RANGE_BITS), np.int32)


_WEIGHT = _Kind(_read_master, _write_master)
_RANGE = _Kind(_read_range, _write_range)
_WHOLE = {
    most: _Kind(_read_whole, partial(_write_whole, most)) for most in (BIAS_MAX, MOST_TYPICAL)
}
