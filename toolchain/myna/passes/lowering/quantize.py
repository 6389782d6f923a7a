# SPDX-License-Identifier: Apache-2.0
"""Float model -> int8 model, by TensorFlow Lite's rules.

Activations int8 affine per tensor, weights int8 symmetric per output channel, biases int32. The
tensors of a reversible stream share one symmetric int16 scale with headroom, so that sums wrap only
far outside what calibration saw. What pooling, padding, reshaping and concatenation join has one
scale.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from myna.errors import MynaError
from myna.frontend.model import FloatModel
from myna.ir import Array, Quant
from myna.layers.table import LAYERS, weighted
from myna.names import NARROW
from myna.ops.sgd import BIAS_MAX
from myna.passes.lowering.calibrate import Ranges

STREAM_HEADROOM = 4.0
LOGIT_HEADROOM = 1.25
RANGE_FLOOR = 1e-2  # narrowest int8 range: a dead branch must not ask for a huge multiplier
CHANNEL_FLOOR = 64  # smallest channel scale: 1/64 of the largest, so that it stays trainable


@dataclass(frozen=True)
class QuantizedModel:
    """A float model's architecture with integer parameters.

    Attributes:
        model: architecture, labels and audio parameters.
        quants: quantization of the input and of every layer's output.
        weights: int8 per layer, output channel first ("dense": [units, inputs]; depthwise
            [kh, kw, c]).
        scales: float32 weight scale per output channel of each layer.
        biases: int32 per layer.
    """

    model: FloatModel
    quants: Mapping[str, Quant]
    weights: Mapping[str, Array]
    scales: Mapping[str, Array]
    biases: Mapping[str, Array]

    def own_quant(self, name: str) -> Quant:
        """In what a layer computes: int8, even if a reversible stream widens it to int16."""
        return self.quants.get(name + NARROW, self.quants[name])

    @property
    def body_digest(self) -> int:
        """CRC-32 of all but the output layer: of what embeddings depend on."""
        crc = 0
        for name in sorted(self.weights.keys() - {self.model.output}):
            quant = self.own_quant(name)
            numbers = np.array([*quant.scale, quant.zero_point], np.float64)
            crc = zlib.crc32(name.encode() + numbers.tobytes(), crc)
            for kept in (self.weights, self.scales, self.biases):
                crc = zlib.crc32(kept[name].tobytes(), crc)
        return crc

    def with_output(self, weights: Array, biases: Array, scales: Array) -> QuantizedModel:
        """The same with another output layer."""
        name = self.model.output
        return replace(
            self,
            weights={**self.weights, name: weights},
            biases={**self.biases, name: biases},
            scales={**self.scales, name: scales},
        )


def quantize(model: FloatModel, ranges: Ranges, input_quant: Quant, classes: int) -> QuantizedModel:
    """Quantize a trained model.

    Args:
        model: float model with weights.
        ranges: of every layer, from ``activation_ranges``.
        input_quant: what the audio front end delivers.
        classes: rows of the output layer; those beyond the model's labels start at zero, for
            words to come.

    Raises:
        MynaError: there are fewer ``classes`` than labels.
    """
    if classes < len(model.labels):
        raise MynaError(
            f"{classes} classes are fewer than its {len(model.labels)} labels",
            where=f"model {model.name}",
            fix=f"ask for at least {len(model.labels)}",
        )
    quants = _activation_quants(model, ranges, input_quant)
    weights, scales, biases = {}, {}, {}
    for layer in model.layers:
        kind = weighted(layer)
        if kind is None:
            continue
        w, b = (model.weights[f"{layer.name}/{part}"].astype(np.float64) for part in "wb")
        w, axis = kind.channels_first(w), kind.channel_axis
        scale = _channel_scales(w, axis)
        if layer.name == model.output:
            w, b, scale = spare_rows(w, b, scale, classes)
        shape = [1] * w.ndim
        shape[axis] = -1
        weights[layer.name] = np.clip(np.round(w / scale.reshape(shape)), -127, 127).astype(np.int8)
        unit = np.float64(quants[layer.inputs[0]].scale[0]) * scale.astype(np.float64)
        biases[layer.name] = np.clip(np.round(b / unit), -BIAS_MAX, BIAS_MAX).astype(np.int32)
        scales[layer.name] = scale
    return QuantizedModel(model, quants, weights, scales, biases)


def stream_tensors(model: FloatModel) -> frozenset[str]:
    """The tensors that carry a reversible stream: both ends of every coupling."""
    couples = [layer for layer in model.layers if layer.op == "couple"]
    return frozenset(name for layer in couples for name in (layer.name, layer.inputs[0]))


def _activation_quants(model: FloatModel, ranges: Ranges, input_quant: Quant) -> dict[str, Quant]:
    stream = stream_tensors(model)
    group = {layer.name: layer.name for layer in model.layers} | {
        model.input_name: model.input_name
    }

    def root(name: str) -> str:
        return name if group[name] == name else root(group[name])

    for layer in model.layers:
        if LAYERS[layer.op].same_scale:
            for name in layer.inputs:
                group[root(name)] = root(layer.name)
    quants = {}
    for name in group:
        members = [other for other in group if root(other) == root(name)]
        bounds = [ranges[member] for member in members]
        low, high = min(b[0] for b in bounds), max(b[1] for b in bounds)
        headroom = LOGIT_HEADROOM if model.output in members else 1.0
        joins_input = model.input_name in members
        quants[name] = input_quant if joins_input else affine(low * headroom, high * headroom)
    wide = _stream_quant(stream, ranges)
    # a layer that feeds a stream computes int8 in its own range before it is widened
    narrow = {name + NARROW: quants[name] for name in stream}
    return quants | narrow | dict.fromkeys(stream, wide)


def _stream_quant(stream: frozenset[str], ranges: Ranges) -> Quant:
    top = max((max(-ranges[name][0], ranges[name][1]) for name in stream), default=1.0)
    return Quant((float(np.float32(STREAM_HEADROOM * top / 32767)),), 0)


def affine(low: float, high: float) -> Quant:
    """The int8 quantization of ``[low, high]``, in which zero is exact."""
    scale = np.float32(max(high - low, RANGE_FLOOR) / 255)
    return Quant((float(scale),), int(np.clip(round(-128 - low / float(scale)), -128, 127)))


def _channel_scales(w: Array, axis: int) -> Array:
    top = np.abs(np.moveaxis(w, axis, 0)).reshape(w.shape[axis], -1).max(axis=1)
    return np.asarray(np.maximum(top, max(top.max() / CHANNEL_FLOOR, 1e-6)) / 127, np.float32)


def spare_rows(w: Array, b: Array, scale: Array, rows: int) -> tuple[Array, Array, Array]:
    """Append zero rows, with the median scale of the others, for classes still to be learned."""
    spare = rows - w.shape[0]
    return (
        np.concatenate([w, np.zeros((spare, *w.shape[1:]), w.dtype)]),
        np.concatenate([b, np.zeros(spare, b.dtype)]),
        np.concatenate([scale, np.full(spare, np.median(scale), np.float32)]),
    )
