# SPDX-License-Identifier: Apache-2.0
"""Bring the channels of a layer from elsewhere into the bounds that lowering proves.

TensorFlow Lite gives a channel whose weights are zero, or next to it, so small a scale that its
bias becomes 2^30. Such a channel hardly depends on its input. Where it does not at all, it gets a
bias that fits and gives the same result; where it may, bias and weights are rounded to a coarser
scale. A channel that is scaled up gets a finer scale, which is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from myna import fixed
from myna.ir import Array
from myna.layers.base import Layer
from myna.layers.clamp import clamp
from myna.layers.table import weighted
from myna.ops.sgd import BIAS_MAX
from myna.passes.lowering.quantize import CHANNEL_FLOOR, QuantizedModel

WEIGHT_MAX = 127
MOST_UP = 7  # the largest shift that leaves room for a weight; lowering refuses larger ones


@dataclass(frozen=True)
class Fitted:
    """A model whose channels fit, and those of which results may differ by one step.

    Attributes:
        rounded: "layer[channel]".
    """

    model: QuantizedModel
    rounded: tuple[str, ...]


def rescale_channels(model: QuantizedModel) -> Fitted:
    """The same model with biases below 2^29 and multipliers below 1, as far as that can be."""
    rounded: list[str] = []
    parts = [dict(arrays) for arrays in (model.weights, model.scales, model.biases)]
    for layer in model.model.layers:
        if (kind := weighted(layer)) is None:
            continue
        fitting = _Layer(model, layer, kind.channel_axis)
        rounded += [f"{layer.name}[{channel}]" for channel in fitting.run()]
        for part, array in zip(parts, fitting.arrays(), strict=True):
            part[layer.name] = array
    weights, scales, biases = parts
    fitted = replace(model, weights=weights, scales=scales, biases=biases)
    return Fitted(fitted, tuple(rounded))


@dataclass(frozen=True)
class _Channel:
    """Weights int64 [taps], bias and scale of one output channel."""

    w: Array
    bias: int
    scale: float


class _Layer:
    def __init__(self, model: QuantizedModel, layer: Layer, axis: int) -> None:
        name = layer.name
        self._x = model.quants[layer.inputs[0]]
        self._y = model.own_quant(name)
        self._clamp = clamp(layer.attrs["activation"], self._y)
        self._axis = axis
        self._w = np.moveaxis(model.weights[name], self._axis, 0).astype(np.int64)
        self._scales, self._biases = model.scales[name].copy(), model.biases[name].astype(np.int64)

    def arrays(self) -> tuple[Array, Array, Array]:
        """Weights, scales and biases as in QuantizedModel."""
        w = np.moveaxis(self._w, 0, self._axis).astype(np.int8)
        return np.ascontiguousarray(w), self._scales, self._biases.astype(np.int32)

    def run(self) -> Iterator[int]:
        """Change the channels that do not fit; yields those that are rounded."""
        for index, scale in enumerate(self._scales):
            channel = _Channel(self._w[index].reshape(-1), int(self._biases[index]), float(scale))
            if self._fits(channel) and (channel.w.any() or channel.scale >= self._floor()):
                continue
            if self._multiplier(channel.scale)[1] > MOST_UP:
                continue
            changed = self._constant(channel) or self._finer(channel)
            if changed is None and abs(channel.bias) > BIAS_MAX:
                changed = self._coarser(channel)
                yield index
            if changed is not None:
                self._w[index] = changed.w.reshape(self._w[index].shape)
                self._biases[index], self._scales[index] = changed.bias, changed.scale

    def _multiplier(self, scale: float) -> tuple[int, int]:
        return fixed.requantize_multiplier(self._x.scale[0] * scale / self._y.scale[0])

    def _fits(self, channel: _Channel) -> bool:
        return abs(channel.bias) <= BIAS_MAX and self._multiplier(channel.scale)[1] <= 0

    def _result(self, accumulator: int, scale: float) -> int:
        scaled = fixed.requantize(np.array(accumulator), *self._multiplier(scale))
        low, high = self._clamp["low"], self._clamp["high"]
        return int(fixed.saturate(scaled + self._y.zero_point, low, high))

    def _constant(self, channel: _Channel) -> _Channel | None:
        """The channel without weights, if every input gives one result: it grows with the sum."""
        ends = np.array([[-128], [127]]) - self._x.zero_point
        reach = channel.w * ends
        sums = [channel.bias + int(reach.min(0).sum()), channel.bias + int(reach.max(0).sum())]
        least, most = (self._result(total, channel.scale) for total in sums)
        if least != most:
            return None
        scale = self._floor()
        factor = self._x.scale[0] * scale / self._y.scale[0]
        if factor == 0:
            return None
        for bias in (channel.bias * channel.scale / scale, (least - self._y.zero_point) / factor):
            whole = round(min(max(bias, -BIAS_MAX), BIAS_MAX))
            found = _Channel(np.zeros_like(channel.w), whole, scale)
            if self._fits(found) and self._result(whole, scale) == least:
                return found
        return None

    def _floor(self) -> float:
        """The least scale that can be trained beside the largest one."""
        usual = (float(s) for s in self._scales if self._multiplier(float(s))[1] <= 0)
        return float(np.float32(max(usual, default=0.0) / CHANNEL_FLOOR))

    def _finer(self, channel: _Channel) -> _Channel | None:
        """Weights and bias times the power of two by which the sum is scaled up: the same sums."""
        up = 1 << max(self._multiplier(channel.scale)[1], 0)
        found = _Channel(channel.w * up, channel.bias * up, channel.scale / up)
        fits = np.abs(found.w).max() <= WEIGHT_MAX and self._fits(found)
        return found if fits else None

    def _coarser(self, channel: _Channel) -> _Channel:
        """Rounded to the least power of two that makes the bias fit."""
        down = 1
        while abs(channel.bias) > BIAS_MAX * down:
            down *= 2
        weights = np.rint(channel.w / down).astype(np.int64)
        return _Channel(weights, round(channel.bias / down), channel.scale * down)
