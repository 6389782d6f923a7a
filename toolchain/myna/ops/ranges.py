# SPDX-License-Identifier: Apache-2.0
"""Scales of gradients at run time: dynamic (measured first) and in hindsight (known before).

A gradient's scale is a pair. *Dynamic*: run the op once, take the peak, run it again.
*In hindsight* (Fournarakis & Nagel, CVPRW 2021): keep an exponential moving average of the peaks
of earlier steps. *Relative* in hindsight: keep that average as a multiple of the scale of the loss
gradient, which is known exactly before the backward pass begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np

from myna import fixed
from myna.errors import MynaError
from myna.fixed import Pair
from myna.ir import Array, Tensor
from myna.ops.base import PAIR, Case, Op, Type, pair, pair_fields, pair_tensor

INV127: Pair = fixed.pair_from_float(1 / 127)
PEAK_LIMIT = 1 << 16  # keeps the range update inside int32
RANGE_FLOOR = -40  # smallest exponent of a tracked range


@dataclass(frozen=True)
class ProbeScale(Op):
    """Output scale of a measuring run: accumulators pass unscaled.

    Two incoming scales (a single one is given twice): the larger of ``factor * scale``.
    """

    factor_a: Pair
    factor_b: Pair
    kernel: ClassVar[str] = "myna_probe_scale"
    struct: ClassVar[str] = "probe_scale"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        return (PAIR,)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        a = fixed.pair_mul(self.factor_a, pair(inputs[0]))
        b = fixed.pair_mul(self.factor_b, pair(inputs[1]))
        return (pair_tensor(b if fixed.pair_less(a, b) else a),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> Mapping[str, int]:
        return pair_fields("factor_a", self.factor_a) | pair_fields("factor_b", self.factor_b)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        for i, (a, b) in enumerate([(1.0, 1.0), (3e-4, 7.0), (5.0, 0.0), (0.0, 0.0)]):
            op = cls(fixed.pair_from_float(0.3), fixed.pair_from_float(0.01))
            yield Case(f"probe_scale{i}", op, (pair_tensor(a), pair_tensor(b)))


@dataclass(frozen=True)
class DynamicScale(Op):
    """Inputs: probe scale, measured peak. Output: the scale at which the peak is 127."""

    kernel: ClassVar[str] = "myna_dynamic_scale"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        return (PAIR,)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        measured = fixed.pair_mul(pair(inputs[0]), fixed.pair_from_int(int(inputs[1][0])))
        return (pair_tensor(fixed.pair_mul(measured, INV127)),)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        for i, (scale, top) in enumerate(product((0.0, 1e-6, 2.5), (0, 1, 127, 2**31 - 1))):
            yield Case(f"dynamic_scale{i}", cls(), (pair_tensor(scale), np.array([top], np.int32)))


@dataclass(frozen=True)
class HindsightScale(Op):
    """Inputs: tracked range, base scale. Output: their product; the range includes headroom."""

    kernel: ClassVar[str] = "myna_hindsight_scale"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        return (PAIR,)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        return (pair_tensor(fixed.pair_mul(pair(inputs[0]), pair(inputs[1]))),)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        for i, (a, b) in enumerate(product((0.0, 1e-9, 0.7, 1.0), (1e-3, 1.999, 0.0))):
            yield Case(f"hindsight_scale{i}", cls(), (pair_tensor(a), pair_tensor(b)))


@dataclass(frozen=True)
class RangeUpdate(Op):
    """Track a range: ``range *= keep + gain * peak``, all Q16.

    With smoothing η and headroom h, ``keep = η`` and ``gain = (1 − η)·h/127``, so the range tends
    to h times the average peak. A step without any loss gradient (base scale 0) changes nothing.
    Inputs: base scale, peak, range (updated).
    """

    keep: int
    gain: int
    kernel: ClassVar[str] = "myna_range_update"
    struct: ClassVar[str] = "range_update"
    observer: ClassVar[bool] = True

    @classmethod
    def of(cls, smoothing: float, headroom: float) -> RangeUpdate:
        """The op for a smoothing in (0, 1) and a headroom in [1, 64] whose growth is an int32."""
        keep, gain = round(smoothing * 65536), round((1 - smoothing) * headroom / 127 * 65536)
        if not (0 < smoothing < 1 and 1 <= headroom <= 64 and keep + gain * PEAK_LIMIT < 2**31):
            raise MynaError(
                f"smoothing {smoothing} with headroom {headroom} cannot track a range",
                fix="use a smoothing between 0 and 1 and a headroom from 1 to 64, not both extreme",
            )
        return cls(keep, gain)

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        return (PAIR,)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        base, top, tracked = inputs
        if base[0] == 0:
            return (tracked.copy(),)
        growth = self.keep + self.gain * min(int(top[0]), PEAK_LIMIT)
        mantissa, exponent = fixed.pair_mul(pair(tracked), fixed.pair_from_int(growth))
        return (np.array((mantissa, max(exponent - 16, RANGE_FLOOR)), np.int32),)

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> Mapping[str, int]:
        return {"keep": self.keep, "gain": self.gain}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        op = cls.of(0.9, 2.0)
        for i, (base, top, old) in enumerate(
            product((0.0, 1e-3, 0.75), (0, 64, 1 << 30), (1e-12, 1.0, 77.0))
        ):
            inputs = (pair_tensor(base), np.array([top], np.int32), pair_tensor(old))
            yield Case(f"range_update{i}", op, inputs, updates=(2,))
        inputs = (pair_tensor(1e-3), np.zeros(1, np.int32), pair_tensor(2.0 ** (RANGE_FLOOR - 1)))
        yield Case("range_update_floor", op, inputs, updates=(2,))
