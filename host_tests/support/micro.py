# SPDX-License-Identifier: Apache-2.0
"""TFLite-Micro, which runs .tflite files: an oracle from outside."""

from __future__ import annotations

import flatbuffers
import numpy as np
from myna.formats.tflite_export import write
from myna.ir import Array, Graph
from tflite_micro.python.tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

ARENA = 1 << 21


class Micro:
    """TFLite-Micro with one model, batch 1."""

    def __init__(self, model: bytes | Graph) -> None:
        file = write(model) if isinstance(model, Graph) else model
        self._interpreter = runtime.Interpreter.from_bytes(file, arena_size=ARENA)

    def infer(self, *inputs: Array) -> Array:
        """The graph's output, without the batch dimension."""
        for index, x in enumerate(inputs):
            shape = self._interpreter.get_input_details(index)["shape"]
            self._interpreter.set_input(x.reshape(shape), index)
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_output(0))[0]


def without_softmax(file: bytes) -> bytes:
    """A file that yields logits, where it ended in SOFTMAX, whose rounding hides differences."""
    model = schema.ModelT.InitFromPackedBuf(file, 0)
    graph = model.subgraphs[0]
    last = graph.operators[-1]
    if model.operatorCodes[last.opcodeIndex].builtinCode == schema.BuiltinOperator.SOFTMAX:
        graph.outputs = last.inputs
        del graph.operators[-1]
    builder = flatbuffers.Builder(len(file))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
