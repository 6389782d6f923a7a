# SPDX-License-Identifier: Apache-2.0
"""What boards have learned, as one vector of integers; twin of firmware/runtime/vector.c.

A state block becomes a vector int32 of all that a federation averages (`to_vector`), and is made
of one again (`from_vector`); SPEC.md, section 18. What is not in the vector are settings: learning
rate, seed, step, number and names of classes, count of wraps, the plane that int8-only weights
share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from myna import fixed
from myna.ir import Array
from myna.names import THRESHOLD, TRACKED, TYPICAL
from myna.ops.ranges import RANGE_FLOOR
from myna.ops.sgd import BIAS_MAX, MASTER_MAX, MASTER_MIN
from myna.passes.bounds import MOST_TYPICAL
from myna.passes.memory.plan import Program

Vector = npt.NDArray[np.int32]

RANGE_BITS = 24  # of a range's mantissa behind its leading one
RANGE_TOP = 63  # largest exponent of a range; what training meets is near 0


class Form(Enum):
    """How a state tensor is read as integers; the value is its name in C (`runtime/model.h`)."""

    MASTER = "MYNA_MASTER"  # 256 times the weight, and its residual where it has one of its own
    WHOLE = "MYNA_WHOLE"  # as it is
    RANGE = "MYNA_RANGE"  # the exponent, then `RANGE_BITS` of the mantissa: as its logarithm grows
    SETTING = "MYNA_SETTING"  # not at all


@dataclass(frozen=True)
class Part:
    """A state tensor, with the residuals that belong to it.

    Attributes:
        tensor: its name.
        form: how it is read.
        size: integers; of a setting, bytes.
        low, high: to which an integer is clamped.
        residual: the name of its own residuals.
    """

    tensor: str
    form: Form
    size: int
    low: int = 0
    high: int = 0
    residual: str | None = None

    def read(self, values: Mapping[str, Array]) -> Array:
        """The integers, int64 [size]."""
        found = values[self.tensor].reshape(-1).astype(np.int64)
        if self.form is Form.MASTER:
            rest = values[self.residual].reshape(-1) if self.residual else 0
            return np.asarray(256 * found + rest)
        if self.form is Form.RANGE:
            mantissa, exponent = found
            code = (exponent << RANGE_BITS) + ((mantissa - (1 << 30)) >> (30 - RANGE_BITS))
            found = np.array([code])
        return fixed.saturate(found, self.low, self.high)

    def write(self, values: dict[str, Array], integers: Array) -> None:
        """Replace the tensors' elements by those of these integers, int64 [size]."""
        found, shape = fixed.saturate(integers, self.low, self.high), values[self.tensor].shape
        if self.form is Form.MASTER:
            high = (found + 128) >> 8
            values[self.tensor] = high.astype(np.int8).reshape(shape)
            if self.residual:
                values[self.residual] = (found - 256 * high).astype(np.int8).reshape(shape)
            return
        if self.form is Form.RANGE:
            code = int(found[0])
            fraction = code & ((1 << RANGE_BITS) - 1)
            found = np.array([(1 << 30) + (fraction << (30 - RANGE_BITS)), code >> RANGE_BITS])
        values[self.tensor] = found.astype(np.int32).reshape(shape)


def parts(program: Program) -> tuple[Part, ...]:
    """All of a program's state, in its order; own residuals are with their weights."""
    own = {f"{name}.residual" for name in program.state}
    return tuple(_part(program, name) for name in program.state if name not in own)


def averaged(program: Program) -> tuple[Part, ...]:
    """The parts that are in the vector, in its order."""
    return tuple(part for part in parts(program) if part.form is not Form.SETTING)


def _part(program: Program, name: str) -> Part:
    tensor, residual = program.graph.tensors[name], f"{name}.residual"
    if name in (TYPICAL, THRESHOLD):
        return Part(name, Form.WHOLE, tensor.size, -MOST_TYPICAL, MOST_TYPICAL)
    if name.endswith(TRACKED):
        ends = RANGE_FLOOR << RANGE_BITS, (RANGE_TOP + 1 << RANGE_BITS) - 1
        return Part(name, Form.RANGE, 1, *ends)
    if name.endswith(".w"):
        own = residual if residual in program.state else None
        return Part(name, Form.MASTER, tensor.size, MASTER_MIN, MASTER_MAX, own)
    if name.endswith(".b"):
        return Part(name, Form.WHOLE, tensor.size, -BIAS_MAX, BIAS_MAX)
    return Part(name, Form.SETTING, tensor.nbytes)


def to_vector(program: Program, state: bytes) -> Vector:
    """All that is averaged, in the order of the state block, int32 [parameters]."""
    values = program.unpack(state)
    return np.concatenate([part.read(values) for part in averaged(program)]).astype(np.int32)


def from_vector(program: Program, state: bytes, vector: Array) -> bytes:
    """The state block with these integers, clamped, in place of its own."""
    values, at = program.unpack(state), 0
    for part in averaged(program):
        part.write(values, vector[at : at + part.size].astype(np.int64))
        at += part.size
    return program.pack(values)


def parameters(program: Program) -> int:
    """Integers of the vector."""
    return sum(part.size for part in averaged(program))


def trained_weights(program: Program) -> int:
    """Weights and biases that a round averages."""
    return sum(part.size for part in averaged(program) if part.tensor.endswith((".w", ".b")))
