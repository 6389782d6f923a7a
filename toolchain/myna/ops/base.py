# SPDX-License-Identifier: Apache-2.0
"""What an op is: types, NumPy reference, gradient rule, and the C kernel that must equal it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from myna import fixed
from myna.errors import MynaError
from myna.fixed import IntArray, Pair
from myna.ir import Array, Node, Tensor
from myna.ops.tape import Tape

Type = tuple[tuple[int, ...], str]  # shape, dtype
PAIR: Type = ((2,), "int32")  # a run-time scale: (mantissa, exponent)
SCALAR: Type = ((1,), "int32")


@dataclass(frozen=True)
class Case:
    """One test case of an op, the same on every target; updated state is named by position."""

    name: str
    op: Op
    inputs: tuple[Array, ...]
    updates: tuple[int, ...] = ()


@dataclass(frozen=True)
class Op:
    """Base of all ops. Attributes of the dataclass are the op's compile-time parameters.

    ``kernel`` names the C function ``kernel(params, inputs…, outputs…)`` and ``struct`` the type
    of ``params`` (empty: the kernel takes none); outputs that are updated in place are passed
    once. ``shares`` lists the pairs (input, output) that may share memory. An ``observer`` only
    watches: it does not keep its inputs alive when the compiler removes what is not needed.
    """

    kernel: ClassVar[str]
    struct: ClassVar[str] = ""
    shares: ClassVar[tuple[tuple[int, int], ...]] = ()
    observer: ClassVar[bool] = False

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        """Shapes and dtypes of the outputs; raises MynaError where the inputs do not fit."""
        raise NotImplementedError

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        """The specification: the outputs in NumPy integers."""
        raise NotImplementedError

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> Mapping[str, int]:
        """The fields of the C parameter struct."""
        return {}

    def backward(self, tape: Tape, node: Node) -> None:
        """Append the nodes that turn the gradients of the outputs into those of the inputs."""
        raise MynaError("has no gradient rule", where=f"node {node.name} ({type(self).__name__})")

    @classmethod
    def cases(cls) -> Iterator[Case]:
        """The grid of test cases."""
        raise NotImplementedError


def expect(condition: bool, message: str, tensor: Tensor) -> None:
    """Raise a MynaError that names the tensor unless ``condition`` holds."""
    if not condition:
        raise MynaError(message, where=f"tensor {tensor.name} {tensor.shape} {tensor.dtype}")


def int64(array: Array) -> IntArray:
    """The array in int64, in which every intermediate of the references is exact."""
    return array.astype("int64")


def peak(values: IntArray) -> Array:
    """The absolute maximum as an int32[1] tensor: what range tracking records."""
    top = min(int(np.abs(values).max(initial=0)), fixed.INT32_MAX)
    return np.array([top], np.int32)


@dataclass(frozen=True)
class ClampOp(Op):
    """An op that clamps its output to ``low`` … ``high``.

    ``capped`` says that ``high`` is a ReLU6's bound even if it is 127: that changes the gradient,
    not the result.
    """

    capped: bool = field(default=False, kw_only=True, repr=False)


@dataclass(frozen=True)
class GradOp(Op):
    """An op that produces an int8 gradient at a scale known before it runs.

    Inputs: data…, the scale of each incoming gradient, the scale of the outgoing one (pairs);
    outputs: the gradient and its absolute maximum before saturation. ``factors`` holds, per
    incoming scale, the compile-time factor between accumulator and real value.
    """

    factors: tuple[Pair, ...]

    def requantized(self, accumulator: IntArray, scale: Array, out: Array) -> tuple[Array, Array]:
        """Requantize an int32 accumulator whose unit is ``factors[0] * scale`` to ``out``."""
        values = fixed.scale32(accumulator, *ratio(self.factors[0], scale, out))
        return fixed.saturate(values, -127, 127).astype("int8"), peak(values)

    def factor_params(self) -> dict[str, int]:
        """The C fields of the factors."""
        return pair_fields("factor", self.factors[0])

    def variants(self, case: Case) -> Iterator[Case]:
        """The case; one with sums that fit int8, as C multiplies by 1/4 or more in another way;
        and one without any gradient, whose peak is 0."""
        yield case
        dy, *arrays, scale, out = case.inputs
        op = replace(self, factors=(fixed.pair_from_float(0.3),))  # the least such shift
        scales = (pair_tensor(1e-3), pair_tensor(1e-3))
        yield Case(f"{case.name}_gentle", op, (*map(np.sign, (dy, *arrays)), *scales))
        yield Case(f"{case.name}_silent", self, (np.zeros_like(dy), *arrays, scale, out))


def ratio(factor: Pair, scale: Array, out: Array) -> tuple[int, int]:
    """The multiplier worth ``factor * scale / out``; zero where ``out`` is zero."""
    if out[0] == 0:
        return (0, 1)
    return fixed.pair_multiplier(fixed.pair_div(fixed.pair_mul(factor, pair(scale)), pair(out)))


def pair(array: Array) -> Pair:
    """A pair tensor as Python integers."""
    return (int(array[0]), int(array[1]))


def pair_tensor(value: Pair | float) -> Array:
    """A pair, or the pair of a real number, as an int32[2] tensor."""
    return np.array(fixed.pair_from_float(value) if isinstance(value, float) else value, np.int32)


def pair_fields(name: str, value: Pair) -> dict[str, int]:
    """The C fields of a pair parameter."""
    return {f"{name}.mantissa": value[0], f"{name}.exponent": value[1]}
