# SPDX-License-Identifier: Apache-2.0
"""A .tflite file as a quantized model: its architecture, and its integers as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from myna.errors import MynaError
from myna.formats.table import FROM_TFLITE
from myna.frontend.identifiers import INPUT, numbered
from myna.frontend.model import FloatModel, check_model
from myna.layers.base import Layer
from myna.names import NARROW
from myna.passes.lowering.quantize import QuantizedModel
from myna.tflite.network import INTEGERS, Network
from myna.tflite.read import File, Operator

# What computes the shape of a RESHAPE in a network of any batch; the reshaped tensor has it.
SHAPES = ("SHAPE", "STRIDED_SLICE", "PACK")
INSTEAD = {
    (
        *("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM", "RNN", "WHILE"),
        *("UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_RNN", "UNPACK", "SPLIT", "SVDF"),
    ): "instead of recurrent layers use convolutions along time, as models/kws does",
    ("LOGISTIC",): "let the network end in Dense and Softmax; inside it, use ReLU",
    ("HARD_SWISH", "TANH", "LEAKY_RELU", "PRELU", "ELU", "GELU", "RELU_N1_TO_1", "RELU_0_TO_1"): (
        "use ReLU or ReLU6"
    ),
    ("MUL", "SUB", "DIV"): (
        "put BatchNormalization directly after a convolution, and normalize the input before it "
        "enters the network"
    ),
    ("REDUCE_MAX", "SUM"): "use MaxPooling or AveragePooling of the whole map, or a global average",
    ("TRANSPOSE_CONV", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"): (
        "let Dense layers reconstruct, as in an autoencoder"
    ),
    ("SHAPE", "STRIDED_SLICE", "PACK"): "convert with batch 1: keras.Input(shape, batch_size=1)",
    (
        "SPACE_TO_BATCH_ND",
        "BATCH_TO_SPACE_ND",
    ): "use dilation_rate=1 and larger strides",
    ("TRANSPOSE",): "keep channels last, as Keras does by default",
}


def convert(
    file: File,
    name: str,
    labels: Sequence[str] | None,
    audio: Mapping[str, Any],
    loss: str = "classify",
) -> QuantizedModel:
    """A file's network as a model of Myna.

    Args:
        file: as `read_file` gives it.
        name: of the model.
        labels: one per output; None numbers them.
        audio: the front end that makes its input; empty if there is none.
        loss: what training will minimize, one of `frontend.model.LOSSES`.

    Raises:
        MynaError: naming the first operator that Myna cannot train, and what would do instead.
    """
    net = Network(file)
    for op in file.operators:
        _expect_known(net, op)
    _begin(net)
    for op in file.operators:
        _operator(net, op)
    output, softmax = _output(net)
    if loss == "classify":
        output = _head(net, output)
    layers = _needed(net, output)
    _check_streams(net, layers)
    model = FloatModel(
        name,
        _labels(net, output, labels) if loss == "classify" else (),
        dict(audio),
        INPUT,
        net.shapes[INPUT],
        layers,
        output,
        loss=loss,
        softmax=softmax,
    )
    check_model(model, Path(file.where))
    names = {layer.name for layer in layers} | {INPUT}
    return QuantizedModel(
        model,
        {key: quant for key, quant in net.quants.items() if key.removesuffix(NARROW) in names},
        *(
            {key: array for key, array in arrays.items() if key in names}
            for arrays in (net.weights, net.scales, net.biases)
        ),
    )


def _labels(net: Network, output: str, labels: Sequence[str] | None) -> tuple[str, ...]:
    count = net.shapes[output][-1]
    if labels is None:
        return numbered(count)
    if len(labels) != count:
        raise MynaError(
            f"has {count} outputs, there are {len(labels)} labels",
            where=net.file.where,
            fix="name them all, in the network's order: --labels A,B,...",
        )
    return tuple(labels)


def _begin(net: Network) -> None:
    """The input, if it is int8; QUANTIZE makes it of other types."""
    file = net.file
    if len(file.inputs) != 1 or len(file.outputs) != 1 or not file.operators:
        raise MynaError(
            f"has {len(file.inputs)} inputs, {len(file.outputs)} outputs and "
            f"{len(file.operators)} operators",
            where=file.where,
            fix="convert a network with one input and one output",
        )
    if not any(tensor.dtype in ("int8", "uint8") for tensor in file.tensors):
        raise MynaError("is not quantized", where=file.where, fix=INTEGERS)
    record = file.tensors[file.inputs[0]]
    reader = next((op for op in file.operators if record.index in op.inputs), file.operators[0])
    if record.dtype == "int8" or reader.name != "QUANTIZE":
        net.begin(reader, record)


def _expect_known(net: Network, op: Operator) -> None:
    if len(op.outputs) != 1 or not (op.name in FROM_TFLITE or _computes_shape(net, op)):
        fix = next((fix for names, fix in INSTEAD.items() if op.name in names), "")
        raise net.fail(
            op, "cannot be trained by Myna", fix or f"use {', '.join(sorted(FROM_TFLITE))}"
        )


def _computes_shape(net: Network, op: Operator) -> bool:
    return op.name in SHAPES and net.output(op).dtype == "int32"


def _operator(net: Network, op: Operator) -> None:
    made = net.output(op)
    if _computes_shape(net, op):
        return
    if made.index in net.named or made.index in net.ended or made.data is not None:
        raise net.fail(op, f"makes {made.name!r}, which exists", "make the file again")
    FROM_TFLITE[op.name](net, op)


def _output(net: Network) -> tuple[str, bool]:
    """The layer that yields what the file's output shows, and whether as probabilities."""
    record = net.file.tensors[net.file.outputs[0]]
    output, softmax = net.ended.get(record.index, (net.named.get(record.index), False))
    if output is None or output == INPUT or record.dtype == "int16":
        raise MynaError(
            f"its output {record.name!r} is no layer of int8",
            where=net.file.where,
            fix="let the network end in Dense, and Softmax if you like",
        )
    return output, softmax


def _check_streams(net: Network, layers: tuple[Layer, ...]) -> None:
    """What begins as a stream must be added to."""
    couples = {layer.inputs[0] for layer in layers if layer.op == "couple"}
    for op, name in net.started:
        if name not in couples:
            raise net.fail(op, f"reads {name!r} as int16, to which nothing is added", "use int8")


def _head(net: Network, output: str) -> str:
    """The dense layer that makes the logits.

    A convolution that sees its whole map at once becomes one: the same sums of the same products.
    """
    layers = {layer.name: layer for layer in net.layers}
    last = layers[output]
    while last.op in ("flatten", "reshape") and last.inputs[0] in layers:
        last = layers[last.inputs[0]]
    if last.op == "dense":
        return last.name
    source = last.inputs[0]
    whole = last.op == "conv2d" and (*net.shapes[source][:2], 1, 1) == (
        *last.attrs["kernel"],
        *net.shapes[last.name][:2],
    )
    if not whole:
        raise MynaError(
            f"its outputs are made by {last.op} ({last.name!r}), not by a dense layer",
            where=net.file.where,
            fix="let the network end in Dense, from which new classes are learned",
        )
    w = net.weights[last.name]
    flat = Layer(net.name(last.name, "_flat"), "flatten", (source,))
    attrs = {"units": len(w), "activation": last.attrs["activation"]}
    at = net.layers.index(last)
    net.layers[at : at + 1] = [flat, Layer(last.name, "dense", (flat.name,), attrs)]
    net.quants[flat.name] = net.quants[source]
    net.weights[last.name] = w.reshape(len(w), -1)
    net.shapes[flat.name], net.shapes[last.name] = (w[0].size,), (len(w),)
    return last.name


def _needed(net: Network, output: str) -> tuple[Layer, ...]:
    """The layers on which the output depends."""
    needed = {output}
    for layer in reversed(net.layers):
        if layer.name in needed:
            needed.update(layer.inputs)
    return tuple(layer for layer in net.layers if layer.name in needed)
