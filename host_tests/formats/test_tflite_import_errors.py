# SPDX-License-Identifier: Apache-2.0
"""What cannot be imported is named: the operator, the tensor, and what would do instead."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from myna.errors import MynaError
from myna.formats.tflite_import import convert
from myna.tflite.metadata import unpack
from myna.tflite.read import parse, read_file
from myna.tflite.schema import Table, pack
from support.tflite_files import Draft


def network(change: Callable[[Draft, int], int | None]) -> bytes:
    """A file that begins with a convolution; `change` adds its rest, or spoils something of it.

    Tensors: 0 the input, 1 weights, 2 biases, 3 the map [1, 5, 4, 4].
    """
    draft = Draft(0)
    x = draft.input(10, 8, 3)
    y = change(draft, draft.conv(x, 4, (3, 3), (2, 2)))
    return draft.bytes(x, draft.dense(3, 6) if y is None else y)


def error(data: bytes) -> MynaError:
    with pytest.raises(MynaError) as caught:
        convert(parse(data, "net.tflite"), "net", None, {})
    assert caught.value.where.startswith("net.tflite")
    assert caught.value.fix
    return caught.value


def field(index: int, **fields: Any) -> Callable[[Draft, int], None]:
    """Replaces fields of a tensor."""

    def change(draft: Draft, y: int) -> None:
        draft.tensors[index].fields.update(fields)

    return change


def quant(index: int, **fields: Any) -> Callable[[Draft, int], None]:
    """Replaces fields of a tensor's quantization."""

    def change(draft: Draft, y: int) -> None:
        table = draft.tensors[index].fields["Quantization"]
        assert isinstance(table, Table)
        table.fields.update(fields)

    return change


def option(**fields: Any) -> Callable[[Draft, int], None]:
    """Replaces options of the convolution."""

    def change(draft: Draft, y: int) -> None:
        table = draft.operators[0].fields["BuiltinOptions"]
        assert isinstance(table, Table)
        table.fields.update(fields)

    return change


def unary(code: str, **fields: Any) -> Callable[[Draft, int], int]:
    """Adds an operator of one input to the map."""

    def change(draft: Draft, y: int) -> int:
        return draft.operator(code, [y], draft.like(y, draft.shapes[y]), **fields)

    return change


def scales(*values: float) -> Any:
    return np.array(values, np.float32)


def _constant_operand(draft: Draft, y: int) -> int:
    other = draft.tensor(draft.shapes[y], "int8", 0.1, data=np.ones(draft.shapes[y], np.int8))
    return draft.add(y, other)


def _lstm(draft: Draft, y: int) -> int:
    sequence = draft.reshape(y, 20, 4)
    return draft.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", [sequence], draft.like(y, (1, 20, 8)))


def _shared_weights(draft: Draft, y: int) -> int:
    a = draft.dense(y, 6)
    table = draft.operators[-1].fields["Inputs"]
    b = draft.operator(
        "FULLY_CONNECTED", [int(i) for i in np.asarray(table)], draft.like(a, (1, 6))
    )
    return draft.operator("CONCATENATION", [a, b], draft.like(a, (1, 12)), Axis=1)


def _softmax_inside(draft: Draft, y: int) -> int:
    return draft.dense(draft.softmax(draft.dense(y, 6)), 3)


def _no_dense(draft: Draft, y: int) -> int:
    return draft.mean(draft.conv(y, 6, (1, 1)))


def _grouped(draft: Draft, y: int) -> None:
    draft.tensors[1].fields["Shape"] = np.array([4, 3, 9, 1], np.int32)


def _wide_depthwise(draft: Draft, y: int) -> int:
    return draft.dense(draft.conv(y, 8, (3, 3), depthwise=True), 6)


def _along_the_sequence(draft: Draft, y: int) -> int:
    sequence = draft.reshape(y, 20, 4)
    weights = draft.tensor((5, 4), "int8", 0.1, data=np.ones((5, 4), np.int8))
    made = draft.tensor((1, 20, 5), "int8", 0.1)
    return draft.operator("FULLY_CONNECTED", [sequence, weights], made)


def _rescaled_relu6(draft: Draft, y: int) -> int:
    return draft.operator("RELU6", [y], draft.tensor(draft.shapes[y], "int8", 0.123, -128))


def _joined_rows(draft: Draft, y: int) -> int:
    made = draft.like(y, (1, 10, 4, 4))
    return draft.operator("CONCATENATION", [y, y], made, Axis=1)


def _transposed(draft: Draft, y: int) -> int:
    return draft.operator("TRANSPOSE", [y], draft.like(y, (1, 4, 5, 4)))


def _channel_mean(draft: Draft, y: int) -> int:
    return draft.mean(y, (3,))


def _channel_pad(draft: Draft, y: int) -> int:
    return draft.pad(y, (0, 0), (0, 0), (0, 0), (0, 1))


def _narrow_pad(draft: Draft, y: int) -> int:
    margins = draft.constant(np.zeros((3, 2), np.int32))
    return draft.operator("PAD", [y, margins], draft.like(y, draft.shapes[y]))


def _steep_softmax(draft: Draft, y: int) -> int:
    logits = draft.dense(y, 6)
    return draft.operator("SOFTMAX", [logits], draft.tensor((1, 6), "int8", 1 / 256), Beta=2.0)


def _map_softmax(draft: Draft, y: int) -> int:
    return draft.softmax(y)


def _int16_sum(draft: Draft, y: int) -> int:
    shape, z = draft.shapes[y], draft.conv(0, 4, (3, 3), (2, 2))
    wide = [
        draft.operator("QUANTIZE", [x], draft.tensor(shape, "int16", scale))
        for x, scale in ((y, 0.01), (z, 0.02))
    ]
    made = draft.tensor(shape, "int16", 0.01)
    return draft.operator("ADD", wide, made, FusedActivationFunction=0)


CASES: dict[str, tuple[Callable[[Draft, int], int | None], str, str]] = {
    # what a converter makes when it is asked for something else
    "uint8": (field(3, Type=3), r"'net/t3' is quantized to uint8", "representative_dataset"),
    "int16": (field(3, Type=7), r"'net/t3' has activations of 16 bits", "BUILTINS_INT8"),
    "float": (field(3, Type=0), r"'net/t3' is not quantized", "representative_dataset"),
    "batch": (field(0, Shape=np.array([8, 10, 8, 3], "i")), "batch of 8", "batch_size=1"),
    "any batch": (field(0, Shape=np.array([-1, 10, 8, 3], "i")), "batch of -1", "batch_size=1"),
    "lstm": (_lstm, "cannot be trained", "convolutions along time"),
    "tanh": (unary("TANH"), "cannot be trained", "ReLU"),
    "logistic": (unary("LOGISTIC"), "cannot be trained", "Softmax"),
    "transpose": (_transposed, "cannot be trained", "channels last"),
    "unheard of": (unary("COS"), "cannot be trained", "CONV_2D, DEPTHWISE_CONV_2D"),
    "fused tanh": (option(FusedActivationFunction=4), "activation tanh", "ReLU"),
    "dilated": (option(DilationHFactor=2), "is dilated", "dilation_rate=1"),
    "constant operand": (_constant_operand, "computes with the constant", "BatchNormalization"),
    "softmax inside": (_softmax_inside, "after the network's end", "SOFTMAX or DEQUANTIZE"),
    "beta": (_steep_softmax, "beta of 2", "Softmax"),
    "softmax of a map": (_map_softmax, r"map of shape \[5, 4, 4\]", "flatten"),
    "no dense layer": (_no_dense, "made by mean .* not by a dense layer", "end in Dense"),
    "shared weights": (_shared_weights, "shares its weights", "weights of its own"),
    "groups": (_grouped, "its filters see 1 of 3 channels", "without groups"),
    "depth multiplier": (_wide_depthwise, "makes 2 channels of each of 4", "depth_multiplier=1"),
    "sequence": (_along_the_sequence, "take 4 inputs, there are 80", "Conv1D"),
    "relu6": (_rescaled_relu6, "changes the scale", "TensorFlow's converter"),
    "rows joined": (_joined_rows, "joins along axis 1", "along the last"),
    "mean of channels": (_channel_mean, r"means over axes \[3\]", "GlobalAveragePooling"),
    "channels padded": (_channel_pad, "pads", "height and width"),
    "16 bits added": (_int16_sum, "int16 tensors of different scales", "myna export"),
    # what no converter makes
    "margins": (_narrow_pad, "pads", "height and width"),
    "zero point": (quant(3, ZeroPoint=np.array([128])), "impossible .* zero point 128", "again"),
    "no scale": (quant(3, Scale=scales(), ZeroPoint=np.zeros(0, "q")), "has not one", "."),
    "two scales": (quant(3, Scale=scales(1, 1), ZeroPoint=np.zeros(2, "q")), "has not one", "."),
    "nan": (quant(3, Scale=scales(np.nan)), "impossible scale nan", "again"),
    "infinite": (quant(3, Scale=scales(np.inf)), "impossible scale inf", "again"),
    "negative": (quant(3, Scale=scales(-1)), "impossible scale -1", "again"),
    "denormal": (quant(3, Scale=scales(1e-40)), "impossible scale", "again"),
    "weight scale": (quant(1, Scale=scales(0, 1, 1, 1)), "no scale for each channel", "converter"),
    "weight scales": (quant(1, Scale=scales(1, 1)), "no scale for each channel", "converter"),
    "axis": (quant(1, QuantizedDimension=3), "along axis 3, not 0", "converter"),
    "asymmetric": (quant(1, ZeroPoint=np.ones(4, "q")), "not symmetric", "converter"),
    "bias scale": (quant(2, Scale=scales(1, 1, 1, 1)), "not input's times weights'", "again"),
    "bias": (field(2, Shape=np.array([2, 2], "i")), "biases for 4 channels", "again"),
    "stride": (option(StrideW=0), "impossible options", "again"),
    "negative stride": (option(StrideW=-1), "impossible options", "again"),
    "padding": (option(Padding=7), "impossible options", "again"),
    "other shape": (field(3, Shape=np.array([1, 5, 4, 5], "i")), r"makes \(5, 4, 4\)", "again"),
    "negative size": (field(3, Shape=np.array([1, -5, -4, 4], "i")), "has the shape", "smaller"),
    "no size": (field(3, Shape=np.array([1, 0, 4, 4], "i")), "has the shape", "smaller"),
    "huge": (field(3, Shape=np.array([1, 2**30, 2**30, 2**30], "i")), "has the shape", "smaller"),
    "huge weights": (
        field(1, Shape=np.array([2**30] * 4, "i")),
        "no array that Myna knows",
        "again",
    ),
    "wrapping bias": (field(2, Shape=np.array([2**16, 2**16], "i")), "no array", "again"),
    "larger bias": (field(2, Shape=np.array([5], "i")), "of shape .* has 16 bytes", "again"),
    "rank": (field(3, Shape=np.array([1, 5, 4, 2, 2], "i")), "has 5 dimensions", "height, width"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_problem_is_named(name: str) -> None:
    change, what, fix = CASES[name]
    found = error(network(change))
    assert re.search(what, found.what), found
    assert re.search(fix, found.fix), found


def test_the_place_of_an_operator_is_named() -> None:
    found = error(network(unary("TANH")))
    assert found.where == "net.tflite, operator 1 (TANH), which makes 'net/t4'"


@pytest.mark.parametrize("dtype", [0, 2])
def test_a_network_without_any_int8_is_not_quantized(dtype: int) -> None:
    draft = Draft(0)
    x = draft.tensor((1, 4), "float32")
    y = draft.operator("RELU", [x], draft.tensor((1, 4), "float32"))
    found = error(draft.bytes(x, y))
    assert found.what == "is not quantized"
    assert "TFLITE_BUILTINS_INT8" in found.fix


# -- files -----------------------------------------------------------------------------------------


def test_files_that_are_none(tmp_path: Path) -> None:
    empty, text = tmp_path / "empty.tflite", tmp_path / "text.tflite"
    empty.write_bytes(b"")
    text.write_text("what a nice day this is")
    cases = {
        empty: "is empty",
        text: "is not a TensorFlow Lite file",
        tmp_path: "cannot be read",
        tmp_path / "absent.tflite": "cannot be read",
    }
    for path, what in cases.items():
        with pytest.raises(MynaError, match=what) as caught:
            read_file(path)
        assert caught.value.where == str(path)
        assert caught.value.fix


def test_a_large_file_is_not_even_read(tmp_path: Path) -> None:
    large = tmp_path / "large.tflite"
    with large.open("wb") as file:
        file.truncate(1 << 40)  # of holes
    with pytest.raises(MynaError, match="larger than 64 MB"):
        read_file(large)


def _header(*words: int) -> bytes:
    """A root offset, the identifier, and words."""
    return struct.pack("<I4s", words[0], b"TFL3") + struct.pack(f"<{len(words) - 1}i", *words[1:])


HOSTILE = {
    "root beyond the end": _header(1 << 31, 0, 0),
    "root at its own offset": _header(0, 0, 0),
    "vtable beyond the end": _header(8, -(1 << 30), 0),
    "vtable before the start": _header(8, 1 << 30, 0),
    "vtable that is the table": _header(8, 0, 0),
    "vtable of odd length": _header(8, -4, 0x00040005, 0),
    "no table": _header(8, -4, 0, 0),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_offsets(name: str) -> None:
    with pytest.raises(MynaError, match="is damaged"):
        parse(HOSTILE[name], "net.tflite")


def test_cycles_end() -> None:
    """Every word of a file in turn leads to every other."""
    data = network(lambda draft, y: None)
    for at in range(0, min(len(data) - 4, 400), 4):
        for target in range(0, len(data), 97):
            offset = (target - at) & 0xFFFFFFFF
            changed = data[:at] + struct.pack("<I", offset) + data[at + 4 :]
            try:
                convert(parse(changed, "net.tflite"), "net", None, {})
            except MynaError:
                continue


def test_tensors_that_share_everything_are_refused() -> None:
    """A million times the same data: no time or memory is spent on what is read again."""
    draft = Draft(0)
    data = draft.tensor((40_000,), "int8", 1, data=np.ones(40_000, np.int8))
    shared = draft.tensors[data]
    draft.tensors += [
        Table("Tensor", **{**shared.fields, "Name": "", "Shape": np.array([40_000], np.int32)})
        for _ in range(100)
    ]
    y = draft.operator("RELU", [data], data)
    with pytest.raises(MynaError, match="parts overlap"):
        parse(draft.bytes(data, y), "net.tflite")


def test_many_operators_are_refused() -> None:
    draft = Draft(0)
    x = y = draft.input(4)
    for _ in range(1100):
        y = draft.operator("RELU", [y], draft.like(x, (1, 4)))
    with pytest.raises(MynaError, match="has 1100 operators"):
        parse(draft.bytes(x, y), "net.tflite")


@pytest.mark.parametrize("count", [0, 2])
def test_control_flow_is_refused(count: int) -> None:
    graphs = [Table("SubGraph") for _ in range(count)]
    with pytest.raises(MynaError, match=f"holds {count} graphs"):
        parse(pack(Table("Model", Version=3, Subgraphs=graphs)), "net.tflite")


@pytest.mark.parametrize(
    "block", [b"", b"[]", b"{}", b"nonsense", b"[" * 100_000, b'{"labels": 3}', b"\xff\xfe"]
)
def test_hostile_descriptions(block: bytes) -> None:
    with pytest.raises(MynaError, match="holds no description"):
        unpack(block, "net.tflite")
