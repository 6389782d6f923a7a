# SPDX-License-Identifier: Apache-2.0
"""What is imported of a .tflite file computes what TFLite-Micro computes of it, byte for byte."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from myna.formats.tflite_export import write
from myna.formats.tflite_import import convert
from myna.frontend.model import FloatModel
from myna.ir import Array, Kind
from myna.names import WRAPS
from myna.package.channels import rescale_channels
from myna.passes.check import check
from myna.passes.execute import initial_values, run
from myna.passes.lowering.lower import lower
from myna.passes.lowering.quantize import QuantizedModel
from myna.tflite.read import parse
from support import tiny
from support.tflite_files import Draft

pytest.importorskip("tflite_micro")
from support.micro import Micro

INPUTS = 60


def imported(data: bytes, labels: tuple[str, ...] | None = None) -> QuantizedModel:
    return rescale_channels(convert(parse(data, "net.tflite"), "net", labels, {})).model


def ops(model: FloatModel) -> list[str]:
    return [layer.op for layer in model.layers]


def outputs(model: QuantizedModel, inputs: Array) -> Array:
    """What Myna's graph of a model yields for each input."""
    graph = check(lower(model))
    values, (source,) = initial_values(graph), graph.of_kind(Kind.INPUT)
    made = []
    for x in inputs:
        values[source.name] = x.reshape(source.shape)
        run(graph.nodes, values)
        made.append(values[graph.outputs[0]].reshape(-1).copy())
    assert WRAPS not in values or not values[WRAPS].any()
    return np.stack(made)


def assert_same(data: bytes, count: int = INPUTS) -> FloatModel:
    """Compare all bytes of the outputs; they must not be constant."""
    model = imported(data)
    shape = model.model.input_shape
    inputs = np.random.default_rng(9).integers(-128, 128, (count, *shape)).astype(np.int8)
    ours, micro = outputs(model, inputs), Micro(data)
    theirs = np.stack([micro.infer(x).reshape(-1) for x in inputs])
    assert ours.shape == theirs.shape
    assert (ours != theirs).sum() == 0
    assert len(np.unique(theirs)) > 10
    return model.model


CONVS = [
    {"kernel": (3, 3), "strides": (1, 1), "padding": "same", "activation": "relu"},
    {"kernel": (4, 3), "strides": (2, 2), "padding": "same", "activation": "relu6"},
    {"kernel": (3, 2), "strides": (2, 1), "padding": "valid", "activation": "linear"},
    {"kernel": (1, 1), "bias": False, "per_channel": False},
]


@pytest.mark.parametrize("conv", CONVS, ids=lambda conv: str(conv["kernel"]))
@pytest.mark.parametrize("depthwise", [False, True], ids=["full", "depthwise"])
def test_convolutions(conv: dict[str, object], depthwise: bool) -> None:
    draft = Draft(1)
    x = draft.input(9, 7, 4)
    y = draft.conv(x, 4 if depthwise else 6, depthwise=depthwise, **conv)  # type: ignore[arg-type]
    model = assert_same(draft.bytes(x, draft.dense(y, 5)))
    assert ops(model)[0] == ("depthwise_conv2d" if depthwise else "conv2d")
    assert model.labels == tuple(f"class_{i}" for i in range(5))


def test_a_depthwise_convolution_of_one_channel_is_a_convolution() -> None:
    draft = Draft(2)
    x = draft.input(10, 6, 1)
    y = draft.conv(x, 5, (3, 3), (2, 1), depthwise=True, activation="relu")
    model = assert_same(draft.bytes(x, draft.dense(y, 4)))
    assert ops(model) == ["conv2d", "flatten", "dense"]


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("activation", ["relu", "relu6", "linear"])
def test_dense(per_channel: bool, activation: str) -> None:
    draft = Draft(3)
    x = draft.input(40)
    y = draft.dense(x, 20, activation=activation, per_channel=per_channel, bias=per_channel)
    model = assert_same(draft.bytes(x, draft.dense(y, 10, per_channel=per_channel)))
    assert ops(model) == ["dense", "dense"]


@pytest.mark.parametrize("end", ["logits", "softmax", "dequantize", "uint8"])
def test_the_end_is_left_to_whoever_reads_the_logits(end: str) -> None:
    draft = Draft(4)
    x = draft.input(30)
    y = draft.dense(x, 6)
    if end != "logits":
        y = draft.softmax(y)
    if end == "dequantize":
        y = draft.operator("DEQUANTIZE", [y], draft.tensor((1, 6), "float32"))
    if end == "uint8":
        y = draft.operator("QUANTIZE", [y], draft.tensor((1, 6), "uint8", 1 / 256, 0))
    model = imported(draft.bytes(x, y)).model
    assert ops(model) == ["dense"]
    assert model.softmax == (end != "logits")


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_the_input_is_what_quantize_makes(dtype: str) -> None:
    draft = Draft(5)
    outside, x = draft.input(30, dtype=dtype), draft.input(30)
    draft.operator("QUANTIZE", [outside], x)
    model = imported(draft.bytes(outside, draft.dense(x, 6)))
    assert ops(model.model) == ["dense"]
    quant = model.quants[model.model.input_name]
    assert (np.float32(quant.scale[0]), quant.zero_point) == (
        np.float32(draft.quants[x][0]),
        draft.quants[x][1],
    )


def test_a_network_for_any_batch_computes_shapes_in_vain() -> None:
    files = []
    for any_batch in (False, True):
        draft = Draft(8)
        x = draft.input(6, 5, 3)
        y = draft.conv(x, 4, (3, 3), (2, 2))
        if any_batch:
            draft.tensors[x].fields["ShapeSignature"] = np.array([-1, 6, 5, 3], np.int32)
            shape = draft.operator("SHAPE", [y], draft.tensor((4,), "int32"))
            batch = draft.operator("STRIDED_SLICE", [shape], draft.tensor((), "int32"))
            both = draft.operator("PACK", [batch, batch], draft.tensor((2,), "int32"))
            y = draft.operator("RESHAPE", [y, both], draft.like(y, (1, 36)))
        else:
            y = draft.reshape(y, 36)
        files.append(draft.bytes(x, draft.dense(y, 5)))
    inputs = np.random.default_rng(1).integers(-128, 128, (9, 6, 5, 3)).astype(np.int8)
    fixed, dynamic = (imported(data) for data in files)
    assert ops(fixed.model) == ops(dynamic.model)
    assert (outputs(fixed, inputs) == outputs(dynamic, inputs)).all()


def _pools(draft: Draft, x: int) -> int:
    y = draft.conv(x, 5, (3, 3), padding="valid")
    y = draft.pool(y, (2, 2), (2, 2), activation="relu")
    return draft.pool(y, (2, 3), (2, 3))


def _shapes(draft: Draft, x: int) -> int:
    y = draft.reshape(draft.conv(x, 2, (3, 3), (2, 1)), 5, 16)
    y = draft.conv(draft.expand(y, 1), 7, (1, 3), padding="valid")
    return draft.reshape(draft.squeeze(y, 1), 21)


def _branches(draft: Draft, x: int) -> int:
    a = draft.conv(x, 3, (3, 3), (3, 3))
    b = draft.conv(x, 4, (3, 3), (3, 3))
    widened = draft.operator("QUANTIZE", [b], draft.like(a, draft.shapes[b]))
    joined = draft.like(a, (1, 4, 3, 7))
    return draft.operator("CONCATENATION", [a, widened], joined, Axis=3)


def _rescaled(draft: Draft, x: int) -> int:
    y = draft.conv(x, 4, (3, 3), (2, 2))
    scale, zero = draft.quants[y]
    y = draft.operator("RELU", [y], draft.tensor(draft.shapes[y], "int8", scale * 0.6, zero - 9))
    return draft.operator("QUANTIZE", [y], draft.tensor(draft.shapes[y], "int8", scale, 3))


def _wide_pools(draft: Draft, x: int) -> int:
    y = draft.pool(x, (3, 3), (2, 2), kind="MAX_POOL_2D", padding="same")
    y = draft.conv(y, 6, (1, 1), activation="relu")
    return draft.pool(y, (3, 2), (1, 2), padding="same", activation="relu6")


def _padded(draft: Draft, x: int) -> int:
    y = draft.pad(x, (0, 0), (1, 2), (0, 1), (0, 0))
    return draft.conv(y, 6, (3, 3), (2, 2), padding="valid")


def _residual(draft: Draft, x: int) -> int:
    y = draft.conv(x, 6, (3, 3), (2, 2), activation="relu6")
    z = draft.conv(draft.conv(y, 6, (3, 3), depthwise=True), 6, (1, 1))
    return draft.mean(draft.add(draft.add(y, z), y, "relu"))


def _sequence(draft: Draft, x: int) -> int:
    y = draft.reshape(draft.conv(x, 6, (1, 8), padding="valid"), 10, 6)
    return draft.mean(y, (1,))


def _mean_kept(draft: Draft, x: int) -> int:
    return draft.conv(draft.mean(draft.conv(x, 8, (3, 3)), keep=True), 8, (1, 1))


BODIES: list[Callable[[Draft, int], int]] = [
    _pools,
    _shapes,
    _branches,
    _rescaled,
    _wide_pools,
    _padded,
    _residual,
    _sequence,
    _mean_kept,
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__.strip("_"))
def test_bodies(body: Callable[[Draft, int], int]) -> None:
    for seed in range(3):
        draft = Draft(seed)
        x = draft.input(10, 8, 3)
        assert_same(draft.bytes(x, draft.dense(body(draft, x), 6)))


def test_a_convolution_that_sees_everything_is_a_dense_head() -> None:
    draft = Draft(6)
    x = draft.input(6, 5, 3)
    y = draft.conv(draft.conv(x, 4, (3, 3), (2, 2)), 7, (3, 3), padding="valid", bias=False)
    model = assert_same(draft.bytes(x, draft.reshape(y, 7)))
    assert ops(model) == ["conv2d", "flatten", "dense"]


@pytest.mark.parametrize("name", ["plain", "reversible"])
def test_own_exports_come_back(name: str) -> None:
    quantized = tiny.quantized(name)
    back = imported(write(lower(quantized)))
    features = tiny.features(40)
    assert (outputs(quantized, features) == outputs(back, features)).all()
    assert ops(back.model).count("couple") == ops(quantized.model).count("couple")
    for own, other in zip(quantized.weights, back.weights, strict=True):
        assert (back.weights[other] == quantized.weights[own]).all()
        assert (back.biases[other] == quantized.biases[own]).all()
