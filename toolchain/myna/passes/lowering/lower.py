# SPDX-License-Identifier: Apache-2.0
"""Quantized model -> forward graph of integer ops."""

from __future__ import annotations

from typing import Any

import numpy as np

from myna import fixed
from myna.errors import MynaError
from myna.frontend.layers import ACTIVATIONS, Layer, output_shape
from myna.ir import Builder, Graph, Kind, Quant, Tensor
from myna.names import NARROW, WRAPS
from myna.ops import (
    Add,
    AveragePool,
    Concat,
    Conv2D,
    Couple,
    Dense,
    DepthwiseConv2D,
    MaxPool,
    Mean,
    Pad,
    Requantize,
    Reshape,
)
from myna.ops.sgd import BIAS_MAX
from myna.ops.window import Window
from myna.passes.lowering.quantize import SAME_SCALE, QuantizedModel, quantized_six, stream_tensors

WINDOW_MAX = 255  # struct window of firmware/kernels/window.h
READ_FLAT = ("dense", "flatten", "reshape")


def lower(quantized: QuantizedModel) -> Graph:
    """The forward graph; its input is the feature map, its output the logits.

    Raises:
        MynaError: a layer has no integer op, or its accumulator or an operand cannot be proven to
            stay below 2^30.
    """
    return _Lowering(quantized).run()


class _Lowering:
    def __init__(self, quantized: QuantizedModel) -> None:
        self._q, self._model = quantized, quantized.model
        self._stream = stream_tensors(quantized.model)
        self._build = Builder(Graph(quantized.model.name, {}, (), ()))
        self._named: dict[str, str] = {}  # layer -> tensor, where no op is needed

    def run(self) -> Graph:
        model = self._model
        self._build.tensor(
            Tensor(
                model.input_name,
                model.input_shape,
                "int8",
                Kind.INPUT,
                self._q.quants[model.input_name],
            )
        )
        self._named[model.input_name] = model.input_name
        if self._stream:
            self._build.state(WRAPS, np.zeros(1, np.int32))
        for layer in model.layers:
            self._lower(layer)
        self._build.outputs = [self._named[model.output]]
        return self._build.build()

    def _lower(self, layer: Layer) -> None:
        rules = {
            "conv2d": self._weighted,
            "depthwise_conv2d": self._weighted,
            "dense": self._weighted,
            "average_pool": self._pool,
            "max_pool": self._pool,
            "mean": self._mean,
            "pad": self._pad,
            "relu": self._activation,
            "relu6": self._activation,
            "linear": self._activation,
            "couple": self._couple,
            "add": self._add,
            "concat": self._concat,
            "flatten": self._reshape,
            "reshape": self._reshape,
        }
        if layer.op not in rules:
            raise MynaError(
                f"op {layer.op} has no integer form",
                where=f"model {self._model.name}, layer {layer.name}",
                fix=f"use one of {', '.join(rules)}",
            )
        self._expect_int8(layer)
        self._expect_one_scale(layer)
        rules[layer.op](layer)

    def _expect_int8(self, layer: Layer) -> None:
        """Only couplings continue a stream, and only activations and reshapes leave it."""
        wide = (*ACTIVATIONS, "flatten", "reshape")
        narrow = {"couple": layer.inputs[1:], **dict.fromkeys(wide, ())}
        for name in narrow.get(layer.op, layer.inputs):
            if self._build.tensors[self._named[name]].dtype != "int8":
                raise MynaError(
                    f"{layer.op} cannot read the int16 stream {name}",
                    where=f"model {self._model.name}, layer {layer.name}",
                    fix="put a relu or linear layer between",
                )

    def _expect_one_scale(self, layer: Layer) -> None:
        """What only moves or picks values leaves their quantization, as TensorFlow Lite asks."""
        for name in layer.inputs if layer.op in SAME_SCALE else ():
            x, own = self._build.tensors[self._named[name]], self._q.quants[layer.name]
            if x.dtype == "int8" and x.quant != own:
                raise MynaError(
                    f"{layer.op} has another quantization than its input {name}: {own}, {x.quant}",
                    where=f"model {self._model.name}, layer {layer.name}",
                    fix="quantize both alike, or put a linear layer (QUANTIZE) between",
                )

    def _emit(self, name: str, op: Any, inputs: list[str], quant: Quant) -> None:
        self._build.node(name, op, inputs, (name,))
        self._build.requantized(name, quant)
        self._named[name] = name

    def _weighted(self, layer: Layer) -> None:
        x = self._build.tensors[self._named[layer.inputs[0]]]
        own = self._q.own_quant(layer.name)
        inputs = [x.name, *self._parameters(layer, x, own)]
        name = layer.name + (NARROW if layer.name in self._stream else "")
        limits = clamp(layer.attrs["activation"], own)
        limits |= {"x_zero": x.zero_point, "y_zero": own.zero_point}
        if layer.op == "dense":
            self._emit(name, Dense(**limits), inputs, own)
        else:
            kind = Conv2D if layer.op == "conv2d" else DepthwiseConv2D
            self._emit(name, kind(**limits, window=self._window(layer, "kernel", x)), inputs, own)
        if layer.name in self._stream:
            self._requantize(layer.name, name, self._q.quants[layer.name], "linear")

    def _parameters(self, layer: Layer, x: Tensor, own: Quant) -> list[str]:
        weight, bias = self._q.weights[layer.name], self._q.biases[layer.name]
        scales = self._q.scales[layer.name]
        taps = weight.size // (weight.shape[-1] if layer.op == "depthwise_conv2d" else len(weight))
        if taps * 255 * 127 + BIAS_MAX >= fixed.SMALL:
            raise MynaError(
                f"{taps} products per output cannot be proven to stay below 2^30",
                where=f"model {self._model.name}, layer {layer.name}",
                fix="make the layer smaller",
            )
        if weight.min() < -127 or np.abs(bias.astype(np.int64)).max() > BIAS_MAX:
            raise MynaError(
                f"has a weight of -128 or a bias beyond {BIAS_MAX}, so that sums can overflow",
                where=f"model {self._model.name}, layer {layer.name}",
                fix="quantize it again, with symmetric weights",
            )
        factors = [x.scale * float(s) / own.scale[0] for s in scales]
        multipliers = [fixed.requantize_multiplier(f) for f in factors]
        if any(shift > 0 for _, shift in multipliers):
            raise MynaError(
                "scales its accumulator up, which can overflow",
                where=f"model {self._model.name}, layer {layer.name}",
                fix="its output range is too small for its weights: calibrate with other data",
            )
        mantissa, shift = np.array(multipliers, np.int32).T.copy()
        quant = Quant(tuple(float(s) for s in scales))
        return [
            self._build.const(f"{layer.name}.w", weight, quant),
            self._build.const(f"{layer.name}.b", bias),
            self._build.const(f"{layer.name}.mantissa", mantissa),
            self._build.const(f"{layer.name}.shift", shift),
        ]

    def _requantize(self, name: str, source: str, quant: Quant, activation: str) -> None:
        x = self._build.tensors[source]
        to_type = "int16" if name in self._stream else "int8"
        mantissa, shift = self._multiplier(name, x, quant.scale[0])
        zeros, limits = (x.zero_point, quant.zero_point), clamp(activation, quant, to_type)
        self._emit(
            name, Requantize(x.dtype, to_type, mantissa, shift, *zeros, **limits), [source], quant
        )

    def _multiplier(self, name: str, x: Tensor, scale: float, terms: int = 1) -> tuple[int, int]:
        """The multiplier from a sum of ``x`` to another scale; its operand, shifted, is small."""
        mantissa, shift = fixed.requantize_multiplier(x.scale / scale)
        largest = terms << (15 if x.dtype == "int16" else 8)  # of x minus its zero point
        if largest << max(shift, 0) >= fixed.SMALL:
            raise MynaError(
                f"changes the scale from {x.scale:g} to {scale:g}, more than int32 can hold",
                where=f"model {self._model.name}, layer {name}",
                fix="its range over the calibration data is too small: calibrate with other data",
            )
        return mantissa, shift

    def _activation(self, layer: Layer) -> None:
        source, quant = self._named[layer.inputs[0]], self._q.quants[layer.name]
        self._requantize(layer.name, source, quant, layer.op)

    def _couple(self, layer: Layer) -> None:
        x, branch = (self._build.tensors[self._named[name]] for name in layer.inputs)
        mantissa, shift = self._multiplier(layer.name, branch, x.scale)
        op = Couple(mantissa, shift, branch.zero_point)
        self._build.node(layer.name, op, (x.name, branch.name, WRAPS), (layer.name, WRAPS))
        self._build.requantized(layer.name, self._q.quants[layer.name])
        self._named[layer.name] = layer.name

    def _pool(self, layer: Layer) -> None:
        x = self._build.tensors[self._named[layer.inputs[0]]]
        kind = AveragePool if layer.op == "average_pool" else MaxPool
        self._emit(
            layer.name, kind(self._window(layer, "pool", x)), [x.name], self._q.quants[layer.name]
        )

    def _window(self, layer: Layer, key: str, x: Tensor) -> Window:
        size, kernel, strides = (
            (pair[0], pair[1]) for pair in (x.shape, layer.attrs[key], layer.attrs["strides"])
        )
        window = Window.of(size, kernel, strides, layer.attrs["padding"])
        if not window.tiles and max(*kernel, *strides) > WINDOW_MAX:
            raise MynaError(
                f"has a window of {kernel} with strides {strides}, beyond {WINDOW_MAX}",
                where=f"model {self._model.name}, layer {layer.name}",
                fix="use a smaller window",
            )
        return window

    def _mean(self, layer: Layer) -> None:
        x, own = self._build.tensors[self._named[layer.inputs[0]]], self._q.quants[layer.name]
        positions = x.shape[0] * x.shape[1]
        self._multiplier(layer.name, x, own.scale[0], positions)
        assert x.quant is not None
        self._emit(layer.name, Mean.of(x.quant, own, positions), [x.name], own)

    def _pad(self, layer: Layer) -> None:
        top, bottom, left, right = layer.attrs["margins"]
        own = self._q.quants[layer.name]
        op = Pad((top, bottom, left, right), own.zero_point)
        self._emit(layer.name, op, [self._named[layer.inputs[0]]], own)

    def _add(self, layer: Layer) -> None:
        names, own = [self._named[name] for name in layer.inputs], self._q.quants[layer.name]
        a, b = (self._build.tensors[name].quant for name in names)
        assert a is not None and b is not None
        op = Add.of(a, b, own, **clamp(layer.attrs["activation"], own))
        if op.y.shift > 0:
            raise MynaError(
                f"adds at scale {max(a.scale[0], b.scale[0]):g}, too large for {own.scale[0]:g}",
                where=f"model {self._model.name}, layer {layer.name}",
                fix="its range over the calibration data is too small: calibrate with other data",
            )
        self._emit(layer.name, op, names, own)

    def _concat(self, layer: Layer) -> None:
        """Two at a time."""
        first, *rest = (self._named[name] for name in layer.inputs)
        self._named[layer.name] = first
        for count, part in enumerate(rest, 1):
            name = layer.name if count == len(rest) else f"{layer.name}.first{count + 1}"
            self._emit(name, Concat(), [first, part], self._q.quants[layer.name])
            first = name

    def _reshape(self, layer: Layer) -> None:
        """Dense layers read any shape; nothing is to be done for them."""
        source = self._named[layer.inputs[0]]
        readers = [reader for reader in self._model.layers if layer.name in reader.inputs]
        if readers and all(reader.op in READ_FLAT for reader in readers):
            self._named[layer.name] = source
            return
        op = Reshape(output_shape(layer, [self._build.tensors[source].shape]))
        self._emit(layer.name, op, [source], self._q.quants[layer.name])


def clamp(activation: str, quant: Quant, dtype: str = "int8") -> dict[str, Any]:
    """What an op that ends in an activation knows of its bounds: low, high, and if it is capped."""
    limits = np.iinfo(dtype)
    low = int(limits.min) if activation == "linear" else quant.zero_point
    six = quantized_six(quant) if activation == "relu6" else limits.max
    capped = activation == "relu6" and six <= limits.max
    return {"low": low, "high": min(int(limits.max), six), "capped": capped}
