# SPDX-License-Identifier: Apache-2.0
"""LiteRT's reference kernels, which run .tflite files: a second opinion.

They round FULLY_CONNECTED once where TFLite-Micro rounds twice, so only what is in front of it is
compared. LiteRT's other resolvers are no oracle: XNNPACK is off by one or two.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from myna.ir import Array, Graph
from myna.tflite.write import write


class LiteRT:
    """LiteRT with one graph, batch 1."""

    def __init__(self, graph: Graph) -> None:
        self._interpreter = Interpreter(
            model_content=write(graph), experimental_op_resolver_type=OpResolverType.BUILTIN_REF
        )
        self._interpreter.allocate_tensors()
        (self._input,) = self._interpreter.get_input_details()
        (self._output,) = self._interpreter.get_output_details()

    def infer(self, x: Array) -> Array:
        """The graph's output, without the batch dimension."""
        self._interpreter.set_tensor(self._input["index"], x.reshape(self._input["shape"]))
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._output["index"]))[0]
