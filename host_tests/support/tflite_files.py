# SPDX-License-Identifier: Apache-2.0
"""Small .tflite files made operator by operator, as other tools make them: right, or wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tflite
from myna.ir import Array
from myna.tflite.schema import Table, pack

OPTIONS = {  # of the operators with options: the name of their table
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "SOFTMAX": "SoftmaxOptions",
    "CONCATENATION": "ConcatenationOptions",
    "ADD": "AddOptions",
    "MEAN": "ReducerOptions",
    "SQUEEZE": "SqueezeOptions",
}
FUSED = {"linear": 0, "relu": 1, "relu6": 3, "tanh": 4}
PADDINGS = {"same": 0, "valid": 1}


class Draft:
    """A network that grows; methods return the index of the tensor that they add.

    Scales and zero points are random, and such that a good part of a layer's outputs saturates.
    """

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.tensors: list[Table] = []
        self.shapes: list[tuple[int, ...]] = []
        self.quants: list[tuple[float, int]] = []
        self.operators: list[Table] = []
        self.codes: list[str] = []
        self.buffers = [Table("Buffer")]
        self.metadata: dict[str, bytes] = {}

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str = "int8",
        scale: Any = 0.0,
        zero: int = 0,
        data: Array | None = None,
        axis: int = 0,
        **fields: Any,
    ) -> int:
        """Add a tensor; a scale of 0 means that there is none."""
        scales = np.atleast_1d(np.asarray(scale, np.float32))
        index = len(self.tensors)
        if scales.any():
            zeros = np.full(len(scales), zero, np.int64)
            fields.setdefault(
                "Quantization",
                Table(
                    "QuantizationParameters",
                    Scale=scales,
                    ZeroPoint=zeros,
                    QuantizedDimension=axis,
                ),
            )
        buffer = 0
        if data is not None:
            self.buffers.append(Table("Buffer", Data=data.astype(dtype).tobytes()))
            buffer = len(self.buffers) - 1
        basic = {
            "Shape": np.array(shape, np.int32),
            "Type": getattr(tflite.TensorType, dtype.upper()),
            "Buffer": buffer,
            "Name": f"net/t{index}",
        }
        self.tensors.append(Table("Tensor", **(basic | fields)))
        self.shapes.append(tuple(shape))
        self.quants.append((float(scales[0]), zero))
        return index

    def input(self, *shape: int, dtype: str = "int8") -> int:
        """Add the input, [1, *shape]."""
        scale = 0.0 if dtype == "float32" else self.rng.uniform(0.01, 0.1)
        zero = 0 if dtype == "float32" else int(self.rng.integers(-20, 21))
        return self.tensor((1, *shape), dtype, scale, zero)

    def like(self, x: int, shape: Sequence[int]) -> int:
        """Add an activation with the scale and zero point of another."""
        return self.tensor(shape, "int8", *self.quants[x])

    def made(self, shape: Sequence[int], scale: float, activation: str = "linear") -> int:
        """Add an activation of its own zero point."""
        zero = -128 if activation != "linear" else int(self.rng.integers(-30, 31))
        return self.tensor(shape, "int8", scale, zero)

    def operator(
        self, code: str, inputs: Sequence[int], outputs: Sequence[int] | int, **options: Any
    ) -> int:
        """Add an operator, and return its first output."""
        outputs = [outputs] if isinstance(outputs, int) else list(outputs)
        if code not in self.codes:
            self.codes.append(code)
        fields: dict[str, Any] = {}
        if code in OPTIONS:
            kind = getattr(tflite.BuiltinOptions, OPTIONS[code])
            fields["BuiltinOptionsType"] = kind
            fields["BuiltinOptions"] = Table(OPTIONS[code], **options)
        self.operators.append(
            Table(
                "Operator",
                OpcodeIndex=self.codes.index(code),
                Inputs=np.array(inputs, np.int32),
                Outputs=np.array(outputs, np.int32),
                **fields,
            )
        )
        return outputs[0]

    # -- layers ------------------------------------------------------------------------------------

    def conv(
        self,
        x: int,
        filters: int,
        kernel: tuple[int, int],
        strides: tuple[int, int] = (1, 1),
        *,
        padding: str = "same",
        activation: str = "linear",
        depthwise: bool = False,
        per_channel: bool = True,
        bias: bool = True,
        **options: Any,
    ) -> int:
        """Add CONV_2D or, of `filters` channels, DEPTHWISE_CONV_2D."""
        _, height, width, channels = self.shapes[x]
        shape = (1, *kernel, filters) if depthwise else (filters, *kernel, channels)
        if padding == "same":
            size = [-(-n // s) for n, s in zip((height, width), strides, strict=True)]
        else:
            spans = zip((height, width), kernel, strides, strict=True)
            size = [(n - k) // s + 1 for n, k, s in spans]
        taps = kernel[0] * kernel[1] * (1 if depthwise else channels)
        constants = self._weights(x, shape, filters, 3 if depthwise else 0, per_channel, bias)
        y = self.made((1, *size, filters), self._scale(x, constants[0], taps), activation)
        options |= {"DepthMultiplier": filters // channels} if depthwise else {}
        window = {"Padding": PADDINGS[padding], "StrideH": strides[0], "StrideW": strides[1]}
        code = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        fused = {"FusedActivationFunction": FUSED[activation]}
        return self.operator(code, [x, *constants], y, **(window | fused | options))

    def dense(
        self,
        x: int,
        units: int,
        *,
        activation: str = "linear",
        per_channel: bool = True,
        bias: bool = True,
        **options: Any,
    ) -> int:
        """Add FULLY_CONNECTED."""
        inputs = int(np.prod(self.shapes[x]))
        constants = self._weights(x, (units, inputs), units, 0, per_channel, bias)
        y = self.made((1, units), self._scale(x, constants[0], inputs), activation)
        fused = {"FusedActivationFunction": FUSED[activation]}
        return self.operator("FULLY_CONNECTED", [x, *constants], y, **(fused | options))

    def pool(
        self,
        x: int,
        size: tuple[int, int],
        strides: tuple[int, int],
        *,
        kind: str = "AVERAGE_POOL_2D",
        padding: str = "valid",
        activation: str = "linear",
    ) -> int:
        """Add a pool."""
        _, height, width, channels = self.shapes[x]
        spans = zip((height, width), size, strides, strict=True)
        same = padding == "same"
        out = [-(-n // s) if same else (n - k) // s + 1 for n, k, s in spans]
        return self.operator(
            kind,
            [x],
            self.like(x, (1, *out, channels)),
            Padding=PADDINGS[padding],
            StrideH=strides[0],
            StrideW=strides[1],
            FilterHeight=size[0],
            FilterWidth=size[1],
            FusedActivationFunction=FUSED[activation],
        )

    def reshape(self, x: int, *shape: int) -> int:
        """Add RESHAPE to [1, *shape]."""
        wanted = self.constant(np.array((1, *shape), np.int32))
        return self.operator("RESHAPE", [x, wanted], self.like(x, (1, *shape)))

    def squeeze(self, x: int, axis: int) -> int:
        """Add SQUEEZE of one axis."""
        shape = [n for i, n in enumerate(self.shapes[x]) if i != axis]
        return self.operator("SQUEEZE", [x], self.like(x, shape), SqueezeDims=np.array([axis], "i"))

    def expand(self, x: int, axis: int) -> int:
        """Add EXPAND_DIMS at an axis."""
        shape = [*self.shapes[x][:axis], 1, *self.shapes[x][axis:]]
        return self.operator(
            "EXPAND_DIMS", [x, self.constant(np.array([axis], np.int32))], self.like(x, shape)
        )

    def add(self, a: int, b: int, activation: str = "linear") -> int:
        """Add ADD."""
        y = self.made(self.shapes[a], self.quants[a][0] + self.quants[b][0], activation)
        return self.operator("ADD", [a, b], y, FusedActivationFunction=FUSED[activation])

    def mean(self, x: int, axes: Sequence[int] = (1, 2), *, keep: bool = False) -> int:
        """Add MEAN."""
        kept = [1 if i in axes else n for i, n in enumerate(self.shapes[x])]
        shape = kept if keep else [n for i, n in enumerate(self.shapes[x]) if i not in axes]
        y = self.made(shape, self.quants[x][0] / 2)
        return self.operator("MEAN", [x, self.constant(np.array(axes, np.int32))], y, KeepDims=keep)

    def pad(self, x: int, *margins: tuple[int, int]) -> int:
        """Add PAD with margins of every axis."""
        shape = [n + sum(m) for n, m in zip(self.shapes[x], margins, strict=True)]
        constant = self.constant(np.array(margins, np.int32))
        return self.operator("PAD", [x, constant], self.like(x, shape))

    def softmax(self, x: int) -> int:
        """Add SOFTMAX."""
        y = self.tensor(self.shapes[x], "int8", 1 / 256, -128)
        return self.operator("SOFTMAX", [x], y, Beta=1.0)

    def constant(self, data: Array) -> int:
        """Add a constant without a scale."""
        return self.tensor(data.shape, str(data.dtype), data=data)

    def bytes(self, x: int, y: int, **fields: Any) -> bytes:
        """The file of the network from one tensor to another."""
        names = vars(tflite.BuiltinOperator)
        codes = [
            Table(
                "OperatorCode",
                DeprecatedBuiltinCode=min(names[code], 127),
                BuiltinCode=names[code],
                Version=1,
            )
            for code in self.codes
        ]
        blocks = []
        for name, block in self.metadata.items():
            self.buffers.append(Table("Buffer", Data=block))
            blocks.append(Table("Metadata", Name=name, Buffer=len(self.buffers) - 1))
        graph = Table(
            "SubGraph",
            Tensors=self.tensors,
            Inputs=np.array([x], np.int32),
            Outputs=np.array([y], np.int32),
            Operators=self.operators,
            Name="main",
        )
        basic: dict[str, Any] = {
            "Version": 3,
            "OperatorCodes": codes,
            "Subgraphs": [graph],
            "Buffers": self.buffers,
            "Metadata": blocks,
        }
        return pack(Table("Model", **(basic | fields)))

    # -- constants ---------------------------------------------------------------------------------

    def _weights(
        self, x: int, shape: Sequence[int], channels: int, axis: int, per_channel: bool, bias: bool
    ) -> list[int]:
        count = channels if per_channel else 1
        scales = self.rng.uniform(0.005, 0.02, count).astype(np.float32)
        data = self.rng.integers(-127, 128, shape)
        constants = [self.tensor(shape, "int8", scales, data=data, axis=axis)]
        if bias:
            units = scales * np.float32(self.quants[x][0])
            numbers = self.rng.integers(-3000, 3001, channels)
            constants.append(self.tensor((channels,), "int32", units, data=numbers))
        return constants

    def _scale(self, x: int, w: int, taps: int) -> float:
        """Of an output, for sums of so many products."""
        return float(self.quants[x][0] * self.quants[w][0] * 60 * taps**0.5)
