# SPDX-License-Identifier: Apache-2.0
"""Quantized model -> forward graph of integer ops; each layer's own file says which."""

from __future__ import annotations

from myna.errors import MynaError
from myna.frontend.model import FloatModel
from myna.ir import Graph
from myna.layers.base import Layer
from myna.layers.lowering import Lowering
from myna.layers.table import LAYERS
from myna.passes.lowering.quantize import QuantizedModel, stream_tensors


def lower(quantized: QuantizedModel) -> Graph:
    """The forward graph; its input is the feature map, its output the logits.

    Raises:
        MynaError: a layer has no integer form, reads what it cannot, or its accumulator or an
            operand cannot be proven to stay below 2^30.
    """
    model = quantized.model
    _expect_known(model)
    lowering = Lowering(model.name, quantized, stream_tensors(model), _read_flat(model))
    lowering.begin(model.input_name, model.input_shape)
    for layer in model.layers:
        _expect_int8(lowering, layer)
        _expect_one_scale(lowering, layer)
        LAYERS[layer.op].lower(lowering, layer)
    return lowering.finish(model.output)


def _expect_known(model: FloatModel) -> None:
    for layer in model.layers:
        if layer.op not in LAYERS:
            raise MynaError(
                f"op {layer.op} has no integer form",
                where=f"model {model.name}, layer {layer.name}",
                fix=f"use one of {', '.join(LAYERS)}",
            )


def _read_flat(model: FloatModel) -> frozenset[str]:
    """The layers that are read, but by none that looks at their shape."""
    readers: dict[str, list[bool]] = {}
    for layer in model.layers:
        for name in layer.inputs:
            readers.setdefault(name, []).append(LAYERS[layer.op].reads_flat)
    return frozenset(name for name, flat in readers.items() if all(flat))


def _expect_int8(lowering: Lowering, layer: Layer) -> None:
    """Only couplings continue a stream, and only activations and reshapes leave it."""
    for name in layer.inputs[LAYERS[layer.op].streams :]:
        if lowering.source(name).dtype != "int8":
            what = f"{layer.op} cannot read the int16 stream {name}"
            raise lowering.fail(layer.name, what, "put a relu or linear layer between")


def _expect_one_scale(lowering: Lowering, layer: Layer) -> None:
    """What only moves or picks values leaves their quantization, as TensorFlow Lite asks."""
    for name in layer.inputs if LAYERS[layer.op].same_scale else ():
        x, own = lowering.source(name), lowering.quant(layer.name)
        if x.dtype == "int8" and x.quant != own:
            raise lowering.fail(
                layer.name,
                f"{layer.op} has another quantization than its input {name}: {own}, {x.quant}",
                "quantize both alike, or put a linear layer (QUANTIZE) between",
            )
