# SPDX-License-Identifier: Apache-2.0
"""What values a state may hold: within these, every address and every sum of the kernels holds.

Training keeps within them by itself. A state that comes from outside, from a file, over the line
or from flash, is refused if it does not: by the engines here, and by the firmware, to which the
generated model carries the same list. SPEC.md, section 12.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from myna.errors import MynaError
from myna.ir import Array, Tensor
from myna.names import (
    CLASSES,
    NAMES,
    OWNER,
    OWNER_THRESHOLD,
    RATE,
    SEED,
    STEP,
    THRESHOLD,
    TRACKED,
    TYPICAL,
    WRAPS,
)
from myna.ops.sgd import BIAS_MAX
from myna.passes.memory.plan import Program

WEIGHT_MAX = 127  # -128 would break the sums of the kernels
LEAST_MANTISSA = 1 << 30
MOST_EXPONENT = 1 << 28  # a few of them add up within int32
MOST_TYPICAL = 1 << 16  # similarities are within 2^15
# By these nothing is addressed, nor do they enter a sum that could leave its integer.
UNBOUNDED = frozenset({SEED, STEP, WRAPS, THRESHOLD, NAMES, OWNER_THRESHOLD})


class Form(Enum):
    """What a bounded tensor consists of; the value is its name in C (`runtime/model.h`)."""

    INT8 = "MYNA_INT8"
    INT32 = "MYNA_INT32"
    PAIR = "MYNA_PAIR"  # low bounds the mantissa, high the exponent's magnitude


@dataclass(frozen=True)
class Bound:
    """Least and largest value of a state tensor's elements; of pairs see `Form.PAIR`."""

    tensor: str
    form: Form
    low: int
    high: int

    def offends(self, values: Array) -> Array:
        """Whether each element is out of bounds, bool [n]; of a pair both or neither."""
        flat = values.reshape(-1).astype(np.int64)
        if self.form is not Form.PAIR:
            return (flat < self.low) | (flat > self.high)
        mantissa, exponent = flat.reshape(-1, 2).T
        is_zero = (mantissa == 0) & (exponent == 0) & (self.low == 0)
        fits = (mantissa >= LEAST_MANTISSA) & (np.abs(exponent) <= self.high)
        return np.repeat(~(is_zero | fits), 2)


def bounds(program: Program) -> tuple[Bound, ...]:
    """The bounds of a program's state, in its order; tensors that may hold anything have none."""
    tensors = (program.graph.tensors[name] for name in program.state)
    rows = program.graph.tensors[program.graph.outputs[0]].size
    return tuple(bound for tensor in tensors if (bound := _bound(tensor, rows)) is not None)


def _bound(tensor: Tensor, rows: int) -> Bound | None:
    name = tensor.name
    if name == CLASSES:
        assert tensor.data is not None  # memories and labels are of these classes, or of more
        return Bound(name, Form.INT32, int(tensor.data[0]), rows)
    if name == TYPICAL:
        return Bound(name, Form.INT32, -MOST_TYPICAL, MOST_TYPICAL)
    if name == RATE or name.endswith(TRACKED):
        return Bound(name, Form.PAIR, 0 if name == RATE else LEAST_MANTISSA, MOST_EXPONENT)
    if name == OWNER or name.endswith(".w"):
        return Bound(name, Form.INT8, -WEIGHT_MAX, WEIGHT_MAX)
    if name.endswith(".b"):
        return Bound(name, Form.INT32, -BIAS_MAX, BIAS_MAX)
    return None


def check_values(program: Program, values: dict[str, Array]) -> None:
    """Refuses state tensors that are out of bounds.

    Args:
        program: whose state it is.
        values: some or all of its tensors.

    Raises:
        MynaError: the first value that is out of bounds, with tensor and element.
    """
    for bound in bounds(program):
        if bound.tensor not in values:
            continue
        flat = values[bound.tensor].reshape(-1)
        offending = np.flatnonzero(bound.offends(flat))
        if len(offending):
            raise MynaError(
                f"element {offending[0]} is {flat[offending[0]]}, {_said(bound)}",
                where=f"state of {program.graph.name}, tensor {bound.tensor}",
                fix="use a state that a board or this toolchain saved",
            )


def _said(bound: Bound) -> str:
    if bound.form is Form.PAIR:
        return f"of a pair whose mantissa must be from 2^30 on, its exponent within ±{bound.high}"
    return f"it must be from {bound.low} to {bound.high}"
