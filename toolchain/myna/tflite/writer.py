# SPDX-License-Identifier: Apache-2.0
"""Collects the tensors, constants and operators of a .tflite file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tflite

from myna.errors import MynaError
from myna.ir import Array, Graph, Kind, Node, Quant, Tensor
from myna.tflite.read import VERSION
from myna.tflite.schema import Field, Table, pack

PLACEHOLDER = 127  # in the old, one-byte field of an operator code that does not fit it
PROBABILITIES = Quant((1 / 256,), -128)  # what SOFTMAX yields, by TensorFlow Lite's rules


@dataclass(frozen=True)
class Operator:
    """One operator: the schema's name of its code, the version that has its types, its options."""

    code: str
    version: int
    options: Table | None = None


def unequal(node: Node, what: str) -> MynaError:
    """The error of a node that no operator equals."""
    return MynaError(
        f"{what} has no equal in TensorFlow Lite",
        where=f"node {node.name}",
        fix="change the architecture and train again",
    )


class Writer:
    """Collects tensors, constants and operators; rules call its methods."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._buffers = [Table("Buffer")]  # by convention the first stays empty
        self._tensors: list[Table] = []
        self._index: dict[str, int] = {}
        self._codes: list[tuple[int, int]] = []
        self._operators: list[Table] = []

    def file(
        self,
        inputs: Sequence[int],
        outputs: Sequence[int],
        description: str,
        metadata: Mapping[str, bytes],
    ) -> bytes:
        """The whole file, with these activations as the network's inputs and outputs."""
        blocks = [
            Table("Metadata", Name=name, Buffer=self._buffer(data))
            for name, data in metadata.items()
        ]
        subgraph = Table(
            "SubGraph",
            Tensors=self._tensors,
            Inputs=np.array(inputs, np.int32),
            Outputs=np.array(outputs, np.int32),
            Operators=self._operators,
            Name="main",
        )
        model = Table(
            "Model",
            Version=VERSION,
            OperatorCodes=[_operator_code(*code) for code in self._codes],
            Subgraphs=[subgraph],
            Description=description,
            Buffers=self._buffers,
            Metadata=blocks,
        )
        return pack(model)

    def tensor(self, name: str) -> Tensor:
        """A tensor of Myna's graph."""
        return self._graph.tensors[name]

    def data(self, name: str) -> Array:
        """What a constant tensor of Myna's graph holds."""
        data = self.tensor(name).data
        assert data is not None
        return data

    def operator(self, op: Operator, inputs: Sequence[int], output: int) -> None:
        """Append an operator with one output."""
        code = (getattr(tflite.BuiltinOperator, op.code), op.version)
        if code not in self._codes:
            self._codes.append(code)
        options: dict[str, Field] = {}
        if op.options is not None:
            kind = getattr(tflite.BuiltinOptions, op.options.kind)
            options = {"BuiltinOptionsType": kind, "BuiltinOptions": op.options}
        self._operators.append(
            Table(
                "Operator",
                OpcodeIndex=self._codes.index(code),
                Inputs=np.array(inputs, np.int32),
                Outputs=np.array([output], np.int32),
                **options,
            )
        )

    def value(self, name: str) -> int:
        """Index of an activation of Myna's graph."""
        if name not in self._index:
            self._index[name] = self.intermediate(self.tensor(name))
        return self._index[name]

    def intermediate(self, tensor: Tensor) -> int:
        """Index of a new activation that Myna's graph does not have."""
        return self._append(tensor, (1, *tensor.shape), 0, 0)

    def constant(self, name: str, data: Array, quant: Quant | None = None, axis: int = 0) -> int:
        """Index of a new constant; `axis` is that of its scales, if there are several."""
        tensor = Tensor(name, data.shape, str(data.dtype), Kind.CONST, quant)
        return self._append(tensor, data.shape, self._buffer(data.tobytes()), axis)

    def softmax(self, name: str) -> int:
        """Append SOFTMAX of an activation of Myna's graph; the index of what it makes."""
        shape = self.tensor(name).shape
        output = self.intermediate(Tensor("probabilities", shape, "int8", quant=PROBABILITIES))
        options = Table("SoftmaxOptions", Beta=1.0)
        self.operator(Operator("SOFTMAX", 2, options), [self.value(name)], output)
        return output

    def _buffer(self, data: bytes) -> int:
        self._buffers.append(Table("Buffer", Data=data))
        return len(self._buffers) - 1

    def _append(self, tensor: Tensor, shape: tuple[int, ...], buffer: int, axis: int) -> int:
        quantization: dict[str, Field] = {}
        if tensor.quant is not None:
            scales = np.array(tensor.quant.scale, np.float32)
            zeros = np.full(scales.shape, tensor.quant.zero_point, np.int64)
            quantization["Quantization"] = Table(
                "QuantizationParameters", Scale=scales, ZeroPoint=zeros, QuantizedDimension=axis
            )
        self._tensors.append(
            Table(
                "Tensor",
                Shape=np.array(shape, np.int32),
                Type=getattr(tflite.TensorType, tensor.dtype.upper()),
                Buffer=buffer,
                Name=tensor.name,
                HasRank=True,
                **quantization,
            )
        )
        return len(self._tensors) - 1


def _operator_code(code: int, version: int) -> Table:
    narrow = min(code, PLACEHOLDER)
    return Table("OperatorCode", DeprecatedBuiltinCode=narrow, Version=version, BuiltinCode=code)
