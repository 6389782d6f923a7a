# SPDX-License-Identifier: Apache-2.0
"""TFLite-Micro, which runs .tflite files: an oracle from outside."""

from __future__ import annotations

import numpy as np
from myna.ir import Array, Graph
from myna.tflite.write import write
from tflite_micro.python.tflite_micro import runtime

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
