# SPDX-License-Identifier: Apache-2.0
"""LiteRT's reference kernels, which run .tflite files: a second opinion, where it is installed.

They round FULLY_CONNECTED once where TFLite-Micro rounds twice, so only what is in front of it can
be compared. LiteRT's other resolvers are no oracle: XNNPACK is off by one or two.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
from myna.formats.tflite_export import write
from myna.ir import Array, Graph
from myna.ops.dense import Dense

INSTALLED = find_spec("ai_edge_litert") is not None


class LiteRT:
    """LiteRT with one graph, batch 1."""

    def __init__(self, graph: Graph) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415

        self._interpreter = Interpreter(
            model_content=write(graph), experimental_op_resolver_type=OpResolverType.BUILTIN_REF
        )
        self._interpreter.allocate_tensors()
        self._inputs = self._interpreter.get_input_details()
        (self._output,) = self._interpreter.get_output_details()

    def infer(self, *inputs: Array) -> Array:
        """The graph's output, without the batch dimension."""
        for x, details in zip(inputs, self._inputs, strict=True):
            self._interpreter.set_tensor(details["index"], x.reshape(details["shape"]))
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._output["index"]))[0]


def before_dense(graph: Graph) -> Graph:
    """What of a forward graph lies in front of its first dense layer; all of it if it has none."""
    for at, node in enumerate(graph.nodes):
        if isinstance(node.op, Dense):
            return replace(graph.with_nodes(graph.nodes[:at]), outputs=node.inputs[:1])
    return graph
