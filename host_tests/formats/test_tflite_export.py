# SPDX-License-Identifier: Apache-2.0
"""Written .tflite files keep the format's rules, and clamps, margins and sums their bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from myna import fixed
from myna.errors import MynaError
from myna.formats.tflite_export import write
from myna.ir import Array, Builder, Graph, Kind, Quant, Tensor
from myna.names import WRAPS
from myna.ops.base import Op
from myna.ops.concat import Slice
from myna.ops.conv2d import Conv2D
from myna.ops.depthwise import DepthwiseConv2D
from myna.ops.requantize import Requantize
from myna.ops.window import Window
from myna.passes.execute import execute
from myna.passes.lowering.lower import lower
from support import tiny

pytest.importorskip("tflite_micro")
from support.micro import Micro
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

VERSIONS = {  # that TensorFlow's op_version.cc gives operators with our types
    "CONV_2D": {3},
    "DEPTHWISE_CONV_2D": {3},
    "FULLY_CONNECTED": {4},
    "AVERAGE_POOL_2D": {2},
    "MAX_POOL_2D": {2},
    "MEAN": {2},
    "PAD": {2},
    "RESHAPE": {1},
    "CONCATENATION": {2},
    "QUANTIZE": {1, 2},  # to int8, to int16
    "RELU": {2},
    "RELU6": {2},
    "ADD": {2, 3},  # of int8, of int16
    "SOFTMAX": {2},
}
CODES = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")
}


def unpacked(data: bytes) -> Any:
    """A file as another reader than ours understands it."""
    return schema.ModelT.InitFromPackedBuf(data, 0)


def versions(model: Any) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for code in model.operatorCodes:
        assert code.deprecatedBuiltinCode == min(code.builtinCode, 127)
        found.setdefault(CODES[code.builtinCode], set()).add(code.version)
    return found


def assert_versions(found: dict[str, set[int]]) -> None:
    for code, numbers in found.items():
        assert numbers <= VERSIONS[code], code


@pytest.mark.parametrize("name", tiny.LAYERS)
def test_file_is_what_interpreters_expect(name: str) -> None:
    data = write(lower(tiny.quantized(name)), softmax=True, description="x", metadata={"k": b"v"})
    model = unpacked(data)
    assert data[4:8] == b"TFL3"
    assert (model.version, model.description, len(model.subgraphs)) == (3, b"x", 1)
    assert len(versions(model)) >= 5
    assert_versions(versions(model))
    assert model.buffers[0].data is None
    (block,) = model.metadata
    assert (block.name, bytes(model.buffers[block.buffer].data)) == (b"k", b"v")
    base = np.frombuffer(data, np.uint8).ctypes.data
    root = schema.Model.GetRootAs(data, 0)
    starts = [root.Buffers(i).DataAsNumpy().ctypes.data for i in range(1, len(model.buffers))]
    assert all((start - base) % 16 == 0 for start in starts)
    assert len(data) % 16 == 0


@pytest.mark.parametrize("name", tiny.LAYERS)
def test_every_tensor_is_made_once_before_it_is_read(name: str) -> None:
    graph = unpacked(write(lower(tiny.quantized(name)))).subgraphs[0]
    made = {i for i, tensor in enumerate(graph.tensors) if tensor.buffer} | set(graph.inputs)
    for op in graph.operators:
        assert made >= set(op.inputs)
        assert not made & set(op.outputs)
        made |= set(op.outputs)
    assert made == set(range(len(graph.tensors))) >= set(graph.outputs)
    names = [tensor.name for tensor in graph.tensors]
    assert len(set(names)) == len(names)
    values = [tensor for tensor in graph.tensors if not tensor.buffer]
    assert all(tensor.shape[0] == 1 for tensor in values)


def test_weights_and_biases_have_a_scale_per_channel() -> None:
    quantized = tiny.quantized("plain")
    graph = unpacked(write(lower(quantized))).subgraphs[0]
    tensors = {tensor.name.decode(): tensor for tensor in graph.tensors}
    for name, source, axis in (("stem", "features", 0), ("dw", "stem", 3), ("logits", "pw", 0)):
        weights, bias = tensors[f"{name}.w"], tensors[f"{name}.b"]
        scales = quantized.scales[name]
        assert weights.quantization.quantizedDimension == axis
        assert weights.shape[axis] == len(scales)
        assert np.array_equal(weights.quantization.scale, scales)
        units = np.float32(quantized.quants[source].scale[0] * scales.astype(np.float64))
        assert np.array_equal(bias.quantization.scale, units)
        assert not any(weights.quantization.zeroPoint) and not any(bias.quantization.zeroPoint)
    assert tensors["dw.w"].shape.tolist() == [1, 3, 3, 6]


@pytest.mark.train
def test_versions_are_those_of_tensorflows_converter() -> None:
    import keras  # noqa: PLC0415 it takes seconds
    import tensorflow as tf  # noqa: PLC0415

    layers = keras.layers
    x = entry = keras.Input((12, 8, 1), batch_size=1)
    x = layers.Conv2D(6, 3, activation="relu")(layers.ZeroPadding2D(((1, 2), (0, 1)))(x))
    x = layers.Add()([layers.DepthwiseConv2D(3, activation="relu6", padding="same")(x), x])
    x = layers.Concatenate()([layers.MaxPooling2D(2)(x), layers.AveragePooling2D(2)(x)])
    x = layers.Reshape((6, 6, 6))(layers.ReLU()(layers.ReLU(6.0)(x)))
    x = layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    convert = tf.lite.TFLiteConverter.from_keras_model(keras.Model(entry, x))
    convert.optimizations = [tf.lite.Optimize.DEFAULT]
    convert.representative_dataset = lambda: ([np.ones((1, 12, 8, 1), np.float32)] for _ in "ab")
    convert.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    convert.inference_input_type = convert.inference_output_type = tf.int8
    theirs = versions(unpacked(convert.convert()))
    assert_versions(theirs)
    assert theirs.keys() >= VERSIONS.keys() - {"QUANTIZE", "RELU"}


# -- single operators ------------------------------------------------------------------------------


def alone(op: Op, x: Tensor, y: Quant, *constants: Tensor) -> Graph:
    """A graph of one node, x -> y."""
    build = Builder(Graph("one", {}, (), ()))
    for tensor in (x, *constants):
        build.tensor(tensor)
    build.node("y", op, (x.name, *(c.name for c in constants)), ("y",))
    build.requantized("y", y)
    build.outputs = ["y"]
    return build.build()


def codes(graph: Graph) -> list[str]:
    model = unpacked(write(graph))
    return [
        CODES[model.operatorCodes[op.opcodeIndex].builtinCode]
        for op in model.subgraphs[0].operators
    ]


def rounded(scale: float, zero: int = 0) -> Quant:
    return Quant((float(np.float32(scale)),), zero)


CLAMPS = [  # from, its scale, to int8, its scale, clamp, operators
    ("int16", rounded(0.0007), rounded(0.04, 12), "relu", ["QUANTIZE", "RELU"]),
    ("int16", rounded(0.0007), rounded(0.04, -128), "relu", ["QUANTIZE"]),
    ("int16", rounded(0.0007), rounded(0.07, -100), "relu6", ["QUANTIZE", "RELU6"]),
    ("int8", rounded(0.11, 5), rounded(0.09, -20), "relu6", ["QUANTIZE", "RELU6"]),
    ("int8", rounded(0.11, 5), rounded(0.11, 5), "relu6", ["RELU6"]),
    ("int8", rounded(0.11, 5), rounded(0.11, 5), "relu", ["RELU"]),
    ("int8", rounded(0.11, 5), rounded(0.11, 5), "linear", ["QUANTIZE"]),
]


@pytest.mark.parametrize("case", CLAMPS, ids=lambda case: "-".join([case[0], *case[-1]]))
def test_clamps_equal_tflite_micro(case: Any) -> None:
    dtype, x, y, activation, operators = case
    low = -128 if activation == "linear" else y.zero_point
    six = y.zero_point + int(6 / y.scale[0] + 0.5)
    high = min(127, six) if activation == "relu6" else 127
    factor = fixed.requantize_multiplier(x.scale[0] / y.scale[0])
    op = Requantize(dtype, "int8", *factor, x.zero_point, y.zero_point, low, high)
    limits = np.iinfo(dtype)
    every = np.arange(limits.min, limits.max + 1).astype(dtype)
    graph = alone(op, Tensor("x", every.shape, dtype, Kind.INPUT, x), y)
    assert codes(graph) == operators
    found = Micro(graph).infer(every)
    assert np.array_equal(found, op.reference(every)[0])
    assert (found.min(), found.max()) == (low, high if activation == "relu6" else 127)


@pytest.mark.parametrize("padding", [(1, 0, 2, 1), (0, 0, 0, 1), (2, 2, 0, 0)])
@pytest.mark.parametrize("kind", [Conv2D, DepthwiseConv2D])
def test_unusual_padding_becomes_an_operator(kind: Any, padding: Any) -> None:
    rng, zero = np.random.default_rng(4), -7
    op = kind(x_zero=zero, y_zero=3, low=-128, high=127, window=Window((3, 3), (2, 1), padding))
    w = rng.integers(-127, 128, (4, 3, 3, 4) if kind is Conv2D else (3, 3, 4)).astype(np.int8)
    b = rng.integers(-900, 900, 4).astype(np.int32)
    x, y = rounded(0.05, zero), rounded(0.7, 3)
    scales = np.float32(rng.uniform(0.01, 0.03, 4)).tolist()
    factors = [fixed.requantize_multiplier(x.scale[0] * s / y.scale[0]) for s in scales]
    mantissa, shift = np.array(factors, np.int32).T.copy()
    constants = {"w": w, "b": b, "mantissa": mantissa, "shift": shift}
    tensors = [
        Tensor(name, data.shape, str(data.dtype), Kind.CONST, None, data)
        for name, data in constants.items()
    ]
    tensors[0] = replace(tensors[0], quant=Quant(tuple(scales)))
    graph = alone(op, Tensor("x", (7, 6, 4), "int8", Kind.INPUT, x), y, *tensors)
    assert codes(graph)[0] == "PAD"
    network = Micro(graph)
    for _ in range(30):
        given = rng.integers(-128, 128, (7, 6, 4)).astype(np.int8)
        ours: Array = execute(graph, {"x": given})["y"]
        assert np.array_equal(network.infer(given), ours)
        assert len(np.unique(ours)) > 10


def test_a_coupling_that_wraps_saturates_elsewhere() -> None:
    graph = tiny.coupling(rounded(0.003), rounded(0.11), 2)
    x, data = np.array([32000, -32000], np.int16), np.array([100, 100], np.int8)
    ours = execute(graph, {"x": x, "branch": data})
    assert Micro(graph).infer(x, data).tolist() == [32767, ours["y"][1]]
    assert (ours["y"][0] < 0, ours[WRAPS].tolist()) == (True, [1])


def test_what_has_no_equal_is_refused() -> None:
    x, y = rounded(0.05), rounded(0.04)
    clamp = Requantize("int8", "int8", *fixed.requantize_multiplier(1.25), 0, 0, -50, 100)
    with pytest.raises(MynaError, match="node y: a clamp to -50 and 100 at zero point 0 has no"):
        write(alone(clamp, Tensor("x", (8,), "int8", Kind.INPUT, x), y))
    with pytest.raises(MynaError, match="node y: Slice has no equal in TensorFlow Lite"):
        write(alone(Slice(0, 3), Tensor("x", (8,), "int8", Kind.INPUT, x), x))
