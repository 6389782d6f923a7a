# SPDX-License-Identifier: Apache-2.0
"""What a .tflite file says, as plain records; nothing of it is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from myna.errors import MynaError
from myna.ir import Array
from myna.tflite.flatbuffer import Bytes, Table
from myna.tflite.operators import OPERATORS, OPTIONS, TYPES

IDENTIFIER, VERSION = b"TFL3", 3
LARGEST = 1 << 26  # bytes of a file
ELEMENTS = 1 << 24  # of a tensor: more than any microcontroller holds
RANK = 6  # most dimensions of a tensor
STEPS = 1024  # most operators
OPERANDS = 256  # most inputs or outputs of an operator
NUMPY = {
    name: np.dtype(name).newbyteorder("<")
    for name in ("int8", "uint8", "int16", "int32", "int64", "float32")
}


@dataclass(frozen=True, slots=True)
class Quantization:
    """Scales (float32) and zero points (int64) of a tensor, along an axis if there are several."""

    scales: Array
    zero_points: Array
    axis: int


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """A tensor: `shape` with its batch, and the data of a constant."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None
    data: Array | None


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator: its name in TensorFlow Lite's schema, options, and indices of tensors.

    An input that is absent is −1.
    """

    index: int
    name: str
    options: Mapping[str, float]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class File:
    """The main graph of a file.

    Attributes:
        inputs, outputs: indices of tensors.
        metadata: bytes by name.
        unspent: bytes that might still have been read, of `flatbuffer.SPENT` times its size.
    """

    where: str
    tensors: tuple[TensorRecord, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    metadata: Mapping[str, bytes]
    unspent: int


def read_file(path: Path) -> File:
    """Read a .tflite file.

    Raises:
        MynaError: it cannot be read, or is not a well-formed .tflite file.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise MynaError(
                f"is larger than {LARGEST >> 20} MB",
                where=str(path),
                fix="name a network for microcontrollers",
            )
        return parse(path.read_bytes(), str(path))
    except OSError as error:
        raise MynaError(
            f"cannot be read ({error.strerror})", where=str(path), fix="name a .tflite file"
        ) from error


def parse(data: bytes, where: str) -> File:
    """The records of a file's bytes.

    Raises:
        MynaError: they are not a well-formed .tflite file.
    """
    if len(data) < 8 or data[4:8] != IDENTIFIER:
        raise MynaError(
            "is not a TensorFlow Lite file" if data else "is empty",
            where=where,
            fix="name a file that tf.lite.TFLiteConverter made",
        )
    file = Bytes(data, where)
    root = file.root()
    if root.number(0, "I") != VERSION:
        raise file.fail(f"schema version {root.scalar(0, 'I')} is not {VERSION}")
    graphs = root.tables(2)
    if len(graphs) != 1:
        raise MynaError(
            f"holds {len(graphs)} graphs",
            where=where,
            fix="convert one network without control flow (no LSTM, GRU, while or if)",
        )
    graph, buffers = graphs[0], root.tables(4)
    tensors = tuple(
        _tensor(file, table, index, buffers) for index, table in enumerate(graph.tables(0))
    )
    codes = [_code(table) for table in root.tables(1)]
    steps = graph.tables(3)
    if len(steps) > STEPS:
        raise MynaError(
            f"has {len(steps)} operators",
            where=where,
            fix=f"name a network for microcontrollers, of {STEPS} operators at most",
        )
    operators = tuple(
        _operator(file, table, index, codes, len(tensors)) for index, table in enumerate(steps)
    )
    inputs, outputs = graph.integers(1, OPERANDS), graph.integers(2, OPERANDS)
    if not all(0 <= index < len(tensors) for index in (*inputs, *outputs)):
        raise file.fail("its inputs or outputs are no tensors of it")
    metadata = {
        table.text(0): _buffer(file, buffers, table.number(1, "I")).tobytes()
        for table in root.tables(6)
    }
    return File(where, tensors, operators, inputs, outputs, metadata, file.left)


def _tensor(file: Bytes, table: Table, index: int, buffers: list[Table]) -> TensorRecord:
    name, shape, code = table.text(3), table.integers(0, RANK), table.number(1, "b")
    if code not in TYPES:
        raise file.fail(f"tensor {index} has the unknown type {code}")
    if table.number(5, "?") or table.table(6) is not None:
        raise MynaError(
            "is a variable or sparse",
            where=f"{file.where}, tensor {index} ({name})",
            fix="convert a network without state and sparse weights",
        )
    dtype = TYPES[code]
    raw = _buffer(file, buffers, table.number(2, "I"))
    data = None
    if raw.size:
        if dtype not in NUMPY or min(shape, default=1) < 1 or prod(shape) > ELEMENTS:
            raise file.fail(f"tensor {index} ({name}) is no array that Myna knows")
        if raw.size != prod(shape) * NUMPY[dtype].itemsize:
            raise file.fail(f"tensor {index} ({name}) of shape {shape} has {raw.size} bytes")
        data = raw.view(NUMPY[dtype]).reshape(shape)
    return TensorRecord(index, name, shape, dtype, _quantization(table.table(4)), data)


def _quantization(table: Table | None) -> Quantization | None:
    if table is None:
        return None
    scales, zeros = table.array(2, "<f4"), table.array(3, "<i8")
    return Quantization(scales, zeros, table.number(6, "i")) if scales.size else None


def _buffer(file: Bytes, buffers: list[Table], index: int) -> Array:
    """The bytes of a buffer; buffer 0 is empty by convention."""
    if index >= len(buffers):
        raise file.fail(f"there is no buffer {index}")
    if buffers[index].number(1, "Q") > 1:
        raise file.fail(f"buffer {index} lies outside of it")
    return buffers[index].array(0, "u1")


def _code(table: Table) -> str:
    """Name of an operator; codes beyond 127 are in a field of their own."""
    code = max(table.number(0, "b"), table.number(3, "i"))
    name = OPERATORS.get(code, f"OPERATOR_{code}")
    return f"CUSTOM ({table.text(1)})" if name == "CUSTOM" else name


def _operator(file: Bytes, table: Table, index: int, codes: list[str], tensors: int) -> Operator:
    code = table.number(0, "I")
    if code >= len(codes):
        raise file.fail(f"operator {index} has no code")
    name = codes[code]
    inputs, outputs = table.integers(1, OPERANDS), table.integers(2, OPERANDS)
    known = all(-1 <= i < tensors for i in inputs) and all(0 <= i < tensors for i in outputs)
    if not (known and inputs and outputs):
        raise file.fail(f"inputs or outputs of operator {index} ({name}) are no tensors of it")
    return Operator(index, name, _options(file, table, index, name), inputs, outputs)


def _options(file: Bytes, table: Table, index: int, name: str) -> Mapping[str, float]:
    if name not in OPTIONS:
        return {}
    kind, fields = OPTIONS[name]
    options = table.table(4) if table.number(3, "B") == kind else None
    if options is None:
        raise file.fail(f"operator {index} ({name}) has no options")
    return {field: options.scalar(*place) for field, place in fields.items()}
