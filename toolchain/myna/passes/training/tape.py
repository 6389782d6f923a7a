# SPDX-License-Identifier: Apache-2.0
"""Records the backward nodes that gradient rules ask for."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from myna import fixed
from myna.ir import Array, Builder, Kind, Operation, Tensor
from myna.names import GRADIENT, RATE, SEED, STEP
from myna.ops.gradient import NO_HIGH, NO_LOW, ClampGrad, GradAdd
from myna.ops.ranges import DynamicScale, ProbeScale
from myna.ops.tape import Gradient, ScaledOperation, Tape


class RecordingTape(Tape):
    """Collects backward nodes while autodiff walks the forward nodes in reverse.

    Args:
        builder: where to.
        wanted: the tensors that need a gradient.
        rates: factor of the learning rate for each weight and bias that has one.
    """

    def __init__(
        self, builder: Builder, wanted: frozenset[str], rates: Mapping[str, float]
    ) -> None:
        self._build, self._wanted, self._rates = builder, wanted, rates
        self._gradients: dict[str, Gradient] = {}

    def reached(self, tensor: str) -> bool:
        """Whether a gradient has reached a forward tensor."""
        return tensor in self._gradients

    def gradient(self, tensor: str) -> Gradient:
        """See `Tape.gradient`."""
        return self._gradients[tensor]

    def wants(self, tensor: str) -> bool:
        """See `Tape.wants`."""
        return tensor in self._wanted

    def tensor(self, name: str) -> Tensor:
        """See `Tape.tensor`."""
        return self._build.tensors[name]

    def const(self, name: str, data: Array) -> str:
        """See `Tape.const`."""
        return name if name in self._build.tensors else self._build.const(name, data)

    def plain(
        self,
        target: str,
        op: Operation,
        incoming: Gradient,
        factor: float = 1.0,
        data: Sequence[str] = (),
    ) -> None:
        """See `Tape.plain`."""
        name = self._name(target)
        self._build.node(name, op, (incoming.tensor, *data), (name,))
        self.contribute(target, Gradient(name, incoming.scale, incoming.factor * factor))

    def contribute(self, target: str, gradient: Gradient) -> None:
        """See `Tape.contribute`."""
        earlier = self._gradients.get(target)
        if earlier is None:
            self._gradients[target] = gradient
            return
        op = GradAdd(
            (fixed.pair_from_float(earlier.factor), fixed.pair_from_float(gradient.factor))
        )
        data = (earlier.tensor, gradient.tensor)
        self._gradients[target] = self._quantized(
            self._unused(f"{GRADIENT}{target}_sum"), op, data, (earlier.scale, gradient.scale)
        )

    def quantized(
        self, target: str, op: ScaledOperation, data: Sequence[str], incoming: Gradient
    ) -> None:
        """See `Tape.quantized`."""
        self.contribute(target, self._quantized(self._name(target), op, data, (incoming.scale,)))

    def _quantized(
        self, name: str, op: ScaledOperation, data: Sequence[str], scales: tuple[str, ...]
    ) -> Gradient:
        """Append ``op`` with a dynamic range: run once to measure (the probe), once to quantize.

        In-hindsight ranges replace this pattern.
        """
        node = self._build.node
        probe = ProbeScale(op.factors[0], op.factors[-1])
        node(f"{name}.probe_range", probe, (scales[0], scales[-1]), (f"{name}.probe_scale",))
        probed = (f"{name}.probe", f"{name}.probe_peak")
        node(f"{name}.measure", op, (*data, *scales, f"{name}.probe_scale"), probed)
        found = (f"{name}.probe_scale", probed[1])
        node(f"{name}.range", DynamicScale(), found, (f"{name}.scale",))
        node(name, op, (*data, *scales, f"{name}.scale"), (name, f"{name}.peak"))
        return Gradient(name, f"{name}.scale")

    def unclamped(
        self, y: str, low: int, high: int, zero: int, *, capped: bool = False
    ) -> Gradient:
        """See `Tape.unclamped`."""
        gradient = self._gradients[y]
        upper = high if capped or high < 127 else NO_HIGH
        mask = ClampGrad(low if low >= zero else NO_LOW, upper)
        if (mask.low, mask.high) == (NO_LOW, NO_HIGH):
            return gradient
        name = f"{GRADIENT}{y}.masked"
        self._build.node(name, mask, (gradient.tensor, y), (name,))
        return Gradient(name, gradient.scale, gradient.factor)

    def train(
        self,
        weight: str,
        update: Callable[[int], Operation],
        data: Sequence[str],
        incoming: Gradient,
        unit: Array,
    ) -> None:
        """See `Tape.train`."""
        self._make_state(weight)
        residual = f"{weight}.residual"
        self._build.state(residual, np.zeros(self.tensor(weight).shape, np.int8))
        self._update(weight, update, data, incoming, unit, (weight, residual))

    def train_bias(
        self, bias: str, update: Callable[[int], Operation], incoming: Gradient, unit: Array
    ) -> None:
        """See `Tape.train_bias`."""
        self._make_state(bias)
        self._update(bias, update, (), incoming, unit, (bias,))

    def _update(
        self,
        name: str,
        update: Callable[[int], Operation],
        data: Sequence[str],
        incoming: Gradient,
        unit: Array,
        state: tuple[str, ...],
    ) -> None:
        factor = incoming.factor * self._rates.get(name, 1.0)
        pairs = [fixed.pair_from_float(float(u) * factor) for u in unit]
        steps = self._build.const(f"{name}.steps", np.array(pairs, np.int32))
        inputs = (*data, incoming.tensor, incoming.scale, steps, RATE, SEED, STEP, *state)
        op = update(zlib.crc32(name.encode()) & 0x7FFFFFFF)  # the tag must not depend on order
        self._build.node(f"{name}.update", op, inputs, state)

    def _make_state(self, name: str) -> None:
        self._build.tensors[name] = replace(self.tensor(name), kind=Kind.STATE)

    def _name(self, target: str) -> str:
        base = f"{GRADIENT}{target}"
        return base if base not in self._build.tensors else self._unused(f"{base}_more")

    def _unused(self, name: str) -> str:
        """The name, with a number where more than one gradient or sum asks for it."""
        numbered = (f"{name}{count}" for count in itertools.count(2))
        return next(n for n in itertools.chain([name], numbered) if n not in self._build.tensors)
