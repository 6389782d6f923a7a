# SPDX-License-Identifier: Apache-2.0
"""What gradient rules write into, as they see it; `passes.training.tape` implements it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from myna.fixed import Pair
from myna.ir import Array, Operation, Tensor


@dataclass(frozen=True)
class Gradient:
    """An int8 gradient: ``real = q * factor * pair(scale)``.

    ``scale`` names a run-time pair tensor, ``factor`` is known at compile time.
    """

    tensor: str
    scale: str
    factor: float = 1.0


class ScaledOperation(Operation, Protocol):
    """An op that makes a gradient at a given scale: `myna.ops.base.GradOp`."""

    @property
    def factors(self) -> tuple[Pair, ...]:
        """Per incoming scale, the real value of a unit of the accumulator."""


class Tape(ABC):
    """Gradients by forward tensor, and the nodes that compute them."""

    @abstractmethod
    def gradient(self, tensor: str) -> Gradient:
        """The gradient that has reached a forward tensor."""

    @abstractmethod
    def wants(self, tensor: str) -> bool:
        """Whether something before this tensor is trained."""

    @abstractmethod
    def tensor(self, name: str) -> Tensor:
        """A declared tensor, for its shape and quantization."""

    @abstractmethod
    def const(self, name: str, data: Array) -> str:
        """A constant, declared once and shared by all who ask for the same name."""

    @abstractmethod
    def plain(
        self,
        target: str,
        op: Operation,
        incoming: Gradient,
        factor: float = 1.0,
        data: Sequence[str] = (),
    ) -> None:
        """Contribute to ``target`` what ``op`` makes of ``incoming`` without requantizing.

        Args:
            target: forward tensor.
            op: reads the gradient, then `data`.
            incoming: gradient of what was made of the target.
            factor: real value of one unit of the result, in units of `incoming`.
            data: forward tensors.
        """

    @abstractmethod
    def contribute(self, target: str, gradient: Gradient) -> None:
        """Add a gradient to what has reached ``target`` so far."""

    @abstractmethod
    def quantized(
        self, target: str, op: ScaledOperation, data: Sequence[str], incoming: Gradient
    ) -> None:
        """Contribute to ``target`` the gradient that ``op`` computes from ``incoming``."""

    @abstractmethod
    def unclamped(
        self, y: str, low: int, high: int, zero: int, *, capped: bool = False
    ) -> Gradient:
        """The gradient of ``y`` before its clamp to ``[low, high]``.

        A lower bound at real zero is a ReLU and an upper one below 127, or capped, a ReLU6: both
        block. Plain int8 saturation passes (straight-through estimator).
        """

    @abstractmethod
    def train(
        self,
        weight: str,
        update: Callable[[int], Operation],
        data: Sequence[str],
        incoming: Gradient,
        unit: Array,
    ) -> None:
        """Update an int8 weight by the fused op that ``update`` makes from a PRNG tag.

        Args:
            weight: the constant to train; becomes state, with a residual plane beside it.
            update: makes the op.
            data: the forward tensors that the weight gradient needs.
            incoming: gradient of the layer's output.
            unit: per output channel, steps of 1/256 LSB per unit of (rate * gradient LSB).
        """

    @abstractmethod
    def train_bias(
        self, bias: str, update: Callable[[int], Operation], incoming: Gradient, unit: Array
    ) -> None:
        """Update an int32 bias; ``unit`` counts bias LSB."""
