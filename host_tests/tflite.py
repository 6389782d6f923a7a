# SPDX-License-Identifier: Apache-2.0
"""Inference graphs as .tflite files, and TFLite-Micro to run them: an oracle from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
from myna.ir import Array, Graph, Kind, Node, Quant, Tensor
from myna.ops import AveragePool, Concat, Conv2D, Couple, Dense, DepthwiseConv2D, Requantize
from myna.ops.layer import Layer
from myna.ops.window import Window
from tflite_micro.python.tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

ARENA = 1 << 21
TYPES = {
    "int8": schema.TensorType.INT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
}
ACTIVATION = schema.ActivationFunctionType


class Micro:
    """TFLite-Micro with one model, batch 1."""

    def __init__(self, graph: Graph) -> None:
        self._shapes = [(1, *tensor.shape) for tensor in graph.of_kind(Kind.INPUT)]
        self._interpreter = runtime.Interpreter.from_bytes(write(graph), arena_size=ARENA)

    def infer(self, *inputs: Array) -> Array:
        """The graph's output, without the batch dimension."""
        for index, (x, shape) in enumerate(zip(inputs, self._shapes, strict=True)):
            self._interpreter.set_input(x.reshape(shape), index)
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_output(0))[0]


def write(graph: Graph) -> bytes:
    """A forward graph with one output as the bytes of a .tflite file."""
    return _Writer(graph).bytes()


class _Writer:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._buffers = [schema.BufferT()]  # by convention the first stays empty
        self._tensors: list[Any] = []
        self._index: dict[str, int] = {}
        self._codes: list[int] = []
        self._operators: list[Any] = []
        for tensor in graph.of_kind(Kind.INPUT):
            self._add(tensor)
        for node in graph.nodes:
            RULES[type(node.op)](self, node)

    def bytes(self) -> bytes:
        subgraph = schema.SubGraphT(
            tensors=self._tensors,
            inputs=[self._index[t.name] for t in self._graph.of_kind(Kind.INPUT)],
            outputs=[self._index[name] for name in self._graph.outputs],
            operators=self._operators,
            name="main",
        )
        codes = [
            schema.OperatorCodeT(deprecatedBuiltinCode=code, builtinCode=code, version=1)
            for code in self._codes
        ]
        model = schema.ModelT(
            version=3, operatorCodes=codes, subgraphs=[subgraph], buffers=self._buffers
        )
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def tensor(self, name: str) -> Tensor:
        return self._graph.tensors[name]

    def operator(
        self, code: int, inputs: list[int], output: int, kind: int = 0, options: Any = None
    ) -> None:
        if code not in self._codes:
            self._codes.append(code)
        self._operators.append(
            schema.OperatorT(
                opcodeIndex=self._codes.index(code),
                inputs=inputs,
                outputs=[output],
                builtinOptionsType=kind,
                builtinOptions=options,
            )
        )

    def value(self, name: str) -> int:
        """Index of an activation."""
        return self._index[name] if name in self._index else self._add(self.tensor(name))

    def constant(self, name: str, data: Array, quant: Quant, axis: int = 0) -> int:
        """A new constant."""
        self._buffers.append(schema.BufferT(data=np.frombuffer(data.tobytes(), np.uint8)))
        tensor = Tensor(name, data.shape, str(data.dtype), Kind.CONST, quant, data)
        return self._append(tensor, data.shape, len(self._buffers) - 1, axis)

    def intermediate(self, name: str, like: Tensor) -> int:
        """A new activation that Myna's graph does not have."""
        return self._add(Tensor(name, like.shape, like.dtype, Kind.VALUE, like.quant))

    def _add(self, tensor: Tensor) -> int:
        return self._append(tensor, (1, *tensor.shape), 0, 0)

    def _append(self, tensor: Tensor, shape: tuple[int, ...], buffer: int, axis: int) -> int:
        assert tensor.quant is not None
        scales = np.array(tensor.quant.scale, np.float32)
        quantization = schema.QuantizationParametersT(
            scale=scales,
            zeroPoint=np.full(scales.shape, tensor.quant.zero_point, np.int64),
            quantizedDimension=axis,
        )
        self._index[tensor.name] = len(self._tensors)
        self._tensors.append(
            schema.TensorT(
                shape=np.array(shape, np.int32),
                type=TYPES[tensor.dtype],
                buffer=buffer,
                name=tensor.name,
                quantization=quantization,
                hasRank=True,
            )
        )
        return self._index[tensor.name]


def _parameters(writer: _Writer, node: Node, weights: Array, axis: int) -> list[int]:
    x, w, b = (writer.tensor(name) for name in node.inputs[:3])
    assert w.quant is not None
    assert b.data is not None
    units = Quant(tuple(x.scale * scale for scale in w.quant.scale))
    return [
        writer.value(x.name),
        writer.constant(w.name, weights, w.quant, axis),
        writer.constant(b.name, b.data, units),
    ]


def _activation(layer: Layer) -> int:
    if layer.high < 127:
        return int(ACTIVATION.RELU6)
    return int(ACTIVATION.RELU if layer.low > -128 else ACTIVATION.NONE)


def _window(options: Any, window: Window) -> Any:
    options.padding = schema.Padding.SAME if any(window.padding) else schema.Padding.VALID
    options.strideH, options.strideW = window.strides
    return options


def _weights(writer: _Writer, node: Node) -> Array:
    data = writer.tensor(node.inputs[1]).data
    assert data is not None
    return data


def _conv2d(writer: _Writer, node: Node) -> None:
    op = node.op
    assert isinstance(op, Conv2D)
    options = _window(schema.Conv2DOptionsT(), op.window)
    options.fusedActivationFunction = _activation(op)
    inputs = _parameters(writer, node, _weights(writer, node), 0)
    kind, code = schema.BuiltinOptions.Conv2DOptions, schema.BuiltinOperator.CONV_2D
    writer.operator(code, inputs, writer.value(node.outputs[0]), kind, options)


def _depthwise(writer: _Writer, node: Node) -> None:
    op = node.op
    assert isinstance(op, DepthwiseConv2D)
    options = _window(schema.DepthwiseConv2DOptionsT(depthMultiplier=1), op.window)
    options.fusedActivationFunction = _activation(op)
    inputs = _parameters(writer, node, _weights(writer, node)[None], 3)
    kind = schema.BuiltinOptions.DepthwiseConv2DOptions
    code = schema.BuiltinOperator.DEPTHWISE_CONV_2D
    writer.operator(code, inputs, writer.value(node.outputs[0]), kind, options)


def _dense(writer: _Writer, node: Node) -> None:
    op = node.op
    assert isinstance(op, Dense)
    options = schema.FullyConnectedOptionsT(fusedActivationFunction=_activation(op))
    inputs = _parameters(writer, node, _weights(writer, node), 0)
    kind = schema.BuiltinOptions.FullyConnectedOptions
    code = schema.BuiltinOperator.FULLY_CONNECTED
    writer.operator(code, inputs, writer.value(node.outputs[0]), kind, options)


def _average_pool(writer: _Writer, node: Node) -> None:
    op = node.op
    assert isinstance(op, AveragePool)
    options = schema.Pool2DOptionsT(padding=schema.Padding.VALID)
    options.strideH, options.strideW = options.filterHeight, options.filterWidth = op.pool
    kind, code = schema.BuiltinOptions.Pool2DOptions, schema.BuiltinOperator.AVERAGE_POOL_2D
    x, y = writer.value(node.inputs[0]), writer.value(node.outputs[0])
    writer.operator(code, [x], y, kind, options)


def _requantize(writer: _Writer, node: Node) -> None:
    op = node.op
    assert isinstance(op, Requantize)
    assert op.low in (-128, -32768), "a clamp is not part of QUANTIZE"
    x, y = writer.value(node.inputs[0]), writer.value(node.outputs[0])
    kind = schema.BuiltinOptions.QuantizeOptions
    writer.operator(schema.BuiltinOperator.QUANTIZE, [x], y, kind, schema.QuantizeOptionsT())


def _couple(writer: _Writer, node: Node) -> None:
    """QUANTIZE to int16, then ADD, which saturates where the coupling wraps."""
    x, branch = node.inputs[:2]
    wide = writer.intermediate(f"{branch}.wide", writer.tensor(x))
    kind = schema.BuiltinOptions.QuantizeOptions
    writer.operator(
        schema.BuiltinOperator.QUANTIZE,
        [writer.value(branch)],
        wide,
        kind,
        schema.QuantizeOptionsT(),
    )
    options = schema.AddOptionsT(potScaleInt16=False)
    kind, code = schema.BuiltinOptions.AddOptions, schema.BuiltinOperator.ADD
    y = writer.value(node.outputs[0])
    writer.operator(code, [writer.value(x), wide], y, kind, options)


def _concat(writer: _Writer, node: Node) -> None:
    axis = len(writer.tensor(node.outputs[0]).shape)
    options = schema.ConcatenationOptionsT(axis=axis)
    kind, code = schema.BuiltinOptions.ConcatenationOptions, schema.BuiltinOperator.CONCATENATION
    inputs = [writer.value(name) for name in node.inputs]
    writer.operator(code, inputs, writer.value(node.outputs[0]), kind, options)


RULES: dict[type, Callable[[_Writer, Node], None]] = {
    AveragePool: _average_pool,
    Concat: _concat,
    Conv2D: _conv2d,
    Couple: _couple,
    Dense: _dense,
    DepthwiseConv2D: _depthwise,
    Requantize: _requantize,
}
