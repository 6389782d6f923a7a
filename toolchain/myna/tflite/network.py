# SPDX-License-Identifier: Apache-2.0
"""A network that grows operator by operator while a .tflite file is imported, checking each step.

The batch dimension is dropped, and [1, n, c] sequences are [1, n, c] maps: a map of one row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from myna.errors import MynaError
from myna.frontend.identifiers import INPUT, new_name
from myna.ir import Array, Quant
from myna.layers.base import Layer, Shape
from myna.layers.table import output_shape
from myna.names import NARROW
from myna.tflite.read import ELEMENTS, File, Operator, TensorRecord

UNNAMED, OUTPUT = "StatefulPartitionedCall", "output"  # what converters call it, and what we do
SMALLEST = float(np.finfo(np.float32).tiny)
INTEGERS = (
    "convert it with optimizations = [tf.lite.Optimize.DEFAULT], a representative_dataset, and "
    "target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]"
)
NOT_INT8 = {
    "float32": ("is not quantized", INTEGERS),
    "uint8": ("is quantized to uint8, as TensorFlow 1 did", INTEGERS),
    "int16": ("has activations of 16 bits", INTEGERS),
}


class Network:
    """What has been imported so far.

    Attributes:
        layers: in order.
        quants, weights, scales, biases: as in `myna.passes.lowering.quantize.QuantizedModel`.
        shapes: of the input and every layer's output.
        named: the layer, or input, that carries a tensor's values.
        widened: the QUANTIZE that makes an int16 tensor, until that begins a stream.
        started: the layers that begin streams, and the operator that reads each first.
        ended: tensors after which nothing of the network can come: the layer that they show, and
            whether as probabilities.
    """

    def __init__(self, file: File) -> None:
        self.file = file
        self.layers: list[Layer] = []
        self.quants: dict[str, Quant] = {}
        self.weights: dict[str, Array] = {}
        self.scales: dict[str, Array] = {}
        self.biases: dict[str, Array] = {}
        self.shapes: dict[str, Shape] = {}
        self.named: dict[int, str] = {}
        self.widened: dict[int, Operator] = {}
        self.started: list[tuple[Operator, str]] = []
        self.ended: dict[int, tuple[str, bool]] = {}
        self._uses = Counter(i for op in file.operators for i in set(op.inputs))
        self._uses.update(file.outputs)

    # -- errors ------------------------------------------------------------------------------------

    def place(self, op: Operator) -> str:
        """Where an operator is, for messages."""
        made = self.output(op).name.partition(";")[0]
        return f"{self.file.where}, operator {op.index} ({op.name}), which makes {made!r}"

    def fail(self, op: Operator, what: str, fix: str) -> MynaError:
        """An error at an operator."""
        return MynaError(what, where=self.place(op), fix=fix)

    # -- tensors -----------------------------------------------------------------------------------

    def given(self, op: Operator, position: int) -> bool:
        """Whether an operator has an input."""
        return position < len(op.inputs) and op.inputs[position] >= 0

    def input(self, op: Operator, position: int = 0) -> TensorRecord:
        """An input of an operator."""
        if not self.given(op, position):
            raise self.fail(op, f"has no input {position}", "make the file again")
        return self.file.tensors[op.inputs[position]]

    def output(self, op: Operator) -> TensorRecord:
        """What an operator makes."""
        return self.file.tensors[op.outputs[0]]

    def uses(self, index: int) -> int:
        """How often a tensor is read, by operators or from outside."""
        return self._uses[index]

    def constant(self, op: Operator, position: int, what: str, *dtypes: str) -> TensorRecord:
        """A constant input of one of some types."""
        record = self.input(op, position)
        if record.data is None:
            raise self.fail(op, f"has no constant {what}", "make the file with constant weights")
        if record.dtype not in dtypes:
            known = self.file.tensors[op.inputs[0]].dtype
            _, fix = NOT_INT8.get(known, ("", INTEGERS))
            raise self.fail(op, f"its {what} are {record.dtype}, not {' or '.join(dtypes)}", fix)
        return record

    def source(self, op: Operator, position: int = 0, dtype: str = "int8") -> str:
        """The layer, or the input, whose values an operator reads."""
        record = self.input(op, position)
        if record.data is not None:
            raise self.fail(
                op,
                f"computes with the constant {record.name!r}",
                "fold it into a layer before: BatchNormalization directly after a convolution, "
                "normalization of the input in front of the network",
            )
        if record.index in self.ended:
            raise self.fail(
                op, "comes after the network's end", "let SOFTMAX or DEQUANTIZE come last"
            )
        self._expect(op, record, dtype)
        if record.index not in self.named:
            raise self.fail(op, f"nothing before it makes {record.name!r}", "make the file again")
        return self.named[record.index]

    def _expect(self, op: Operator, record: TensorRecord, dtype: str) -> None:
        if record.dtype != dtype:
            what, fix = NOT_INT8.get(record.dtype, (f"is {record.dtype}", INTEGERS))
            raise self.fail(op, f"{record.name!r} {what}", fix)

    def shape(self, op: Operator, record: TensorRecord) -> Shape:
        """Shape of an activation without the batch; a sequence is a map of one row."""
        dims = record.shape
        if len(dims) not in (2, 3, 4):
            what = f"{record.name!r} has {len(dims)} dimensions: {list(dims)}"
            raise self.fail(op, what, "use [1, n], [1, n, channels], [1, height, width, channels]")
        if dims[0] != 1:
            raise self.fail(
                op,
                f"{record.name!r} has a batch of {dims[0]}",
                "convert a network with batch 1: keras.Input(shape, batch_size=1)",
            )
        if min(dims) < 1 or prod(dims) > ELEMENTS:
            raise self.fail(op, f"{record.name!r} has the shape {list(dims)}", "make it smaller")
        return (1, *dims[1:]) if len(dims) == 3 else dims[1:]

    def quant(self, op: Operator, record: TensorRecord) -> Quant:
        """Quantization of an activation."""
        q = record.quantization
        if q is None or q.scales.size != 1 or q.zero_points.size != 1:
            what, fix = NOT_INT8.get(record.dtype, ("has not one scale and zero point", INTEGERS))
            raise self.fail(op, f"{record.name!r} {what}", fix)
        scale, zero = float(q.scales[0]), int(q.zero_points[0])
        limits = np.iinfo(record.dtype if record.dtype in ("int8", "int16") else "int8")
        if not (positive(q.scales) and limits.min <= zero <= limits.max):
            raise self.fail(
                op,
                f"{record.name!r} has the impossible scale {scale} or zero point {zero}",
                "make the file again",
            )
        return Quant((scale,), zero)

    def same_quant(self, op: Operator, name: str) -> Quant:
        """Quantization of an operator's output, which must be that of what it reads."""
        quant = self.quant(op, self.output(op))
        if quant != self.quants[name]:
            raise self.fail(
                op,
                f"changes the scale or zero point of {name!r}",
                "make the file with TensorFlow's converter, which gives both the same",
            )
        return quant

    # -- layers ------------------------------------------------------------------------------------

    def begin(self, op: Operator, record: TensorRecord) -> None:
        """Let a tensor be the network's input."""
        self._expect(op, record, "int8")
        if self.shapes:
            raise self.fail(op, "reads a second input", "make a network with one input")
        self.quants[INPUT] = self.quant(op, record)
        self.shapes[INPUT] = self.shape(op, record)
        self.named[record.index] = INPUT

    def add(
        self,
        op: Operator,
        kind: str,
        inputs: Sequence[str],
        attrs: Mapping[str, Any],
        quant: Quant,
        suffix: str = "",
    ) -> str:
        """Append a layer, and return its name: that of the operator's output, and a suffix."""
        layer = Layer(self.name(self.output(op).name, suffix), kind, tuple(inputs), attrs)
        try:
            shape = output_shape(layer, [self.shapes[name] for name in inputs])
        except ValueError as error:
            raise self.fail(op, str(error), "make the file again") from error
        self.layers.append(layer)
        self.shapes[layer.name], self.quants[layer.name] = shape, quant
        return layer.name

    def flat(self, op: Operator, name: str) -> str:
        """The layer whose values are those of another in one dimension."""
        if len(self.shapes[name]) == 1:
            return name
        return self.add(op, "flatten", (name,), {}, self.quants[name], "_flat")

    def end(self, op: Operator, softmax: bool = False) -> None:
        """Let an operator's output show a layer's values, of which nothing more is computed."""
        read = self.input(op).index
        if read in self.ended and not softmax:
            self.ended[self.output(op).index] = self.ended[read]
        else:
            self.ended[self.output(op).index] = self.source(op), softmax

    def finish(self, op: Operator, name: str, dtype: str = "int8") -> None:
        """Let a layer's values be an operator's output, in another shape if need be."""
        record = self.output(op)
        self._expect(op, record, dtype)
        shape, made = self.shape(op, record), self.shapes[name]
        if prod(shape) != prod(made):
            raise self.fail(op, f"makes {made}, not {shape}", "make the file again")
        if shape != made:
            kind, attrs = ("flatten", {}) if len(shape) == 1 else ("reshape", {"shape": [*shape]})
            suffix = "" if op.name in ("RESHAPE", "SQUEEZE", "EXPAND_DIMS") else "_shaped"
            name = self.add(op, kind, (name,), attrs, self.quants[name], suffix)
        self.named[record.index] = name

    def name(self, text: str, suffix: str = "") -> str:
        """A new name that resembles a tensor's, without the name of the network before it."""
        text = text.removesuffix(NARROW).partition(";")[0]
        text = OUTPUT if text.startswith(UNNAMED) else text.partition("/")[2] or text
        return new_name(text + suffix, self.shapes)


def positive(scales: Array) -> bool:
    """Whether all are normal positive numbers."""
    return bool((scales >= SMALLEST).all() and np.isfinite(scales).all())
