# SPDX-License-Identifier: Apache-2.0
"""What streamed logits must be: those of a whole window with its neighbours in place of padding.

Every layer is run as it is, on a sequence much longer than a window; far from its ends no padding
counts. What reads a whole window is given those rows of the long maps that a window has.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from myna.audio.features import Pcm
from myna.ir import Array, Graph, Kind, Node
from myna.ops.add import Add
from myna.ops.concat import Concat
from myna.ops.conv2d import Conv2D
from myna.ops.coupling import Couple
from myna.ops.depthwise import DepthwiseConv2D
from myna.ops.max_pool import MaxPool
from myna.ops.pad import Pad
from myna.ops.pool import AveragePool
from myna.ops.requantize import Requantize
from myna.ops.reshape import Reshape
from myna.passes.execute import execute, initial_values

WINDOWED = (AveragePool, Conv2D, DepthwiseConv2D, MaxPool)
LOCAL = (*WINDOWED, Add, Concat, Couple, Pad, Requantize)


def alone(graph: Graph, rows: Array) -> Array:
    """The logits, int8 [n], of one window, with the network's padding."""
    source = graph.of_kind(Kind.INPUT)[0]
    values = execute(graph, {source.name: rows.reshape(source.shape)})
    return np.asarray(values[graph.outputs[0]]).reshape(-1)


class Windows:
    """The logits of any window of a sequence, int8 [rows, ...]."""

    def __init__(self, graph: Graph, rows: Array) -> None:
        source = graph.of_kind(Kind.INPUT)[0]
        self._graph, self._values = graph, initial_values(graph)
        self._values[source.name] = rows.reshape(len(rows), *source.shape[1:])
        self._steps = {source.name: 1}  # maps of the sequence: rows of input from row to row
        self._rest = []  # nodes that read windows, or what was made of them
        end = [i for i, node in enumerate(graph.nodes) if graph.outputs[0] in node.outputs]
        for node in graph.nodes[: end[0] + 1]:
            if self._is_local(node):
                self._extend(node)
            else:
                self._rest.append(node)

    def _is_local(self, node: Node) -> bool:
        op, x, y = node.op, self._graph.tensors[node.inputs[0]], node.outputs[0]
        shape = self._graph.tensors[y].shape
        if x.name not in self._steps or shape[0] == 1:
            return False
        return isinstance(op, LOCAL) or (isinstance(op, Reshape) and x.shape[0] == shape[0])

    def _extend(self, node: Node) -> None:
        inputs, y = [self._values[name] for name in node.inputs], node.outputs[0]
        joined = [i for i, name in enumerate(node.inputs) if name in self._steps]
        rows = min(len(inputs[i]) for i in joined)
        for i in joined:
            inputs[i] = inputs[i][:rows]
        if isinstance(node.op, Reshape):
            self._values[y] = inputs[0].reshape(rows, *self._graph.tensors[y].shape[1:])
        else:
            self._values[y] = node.op.reference(*inputs)[0]
        stride = node.op.window.strides[0] if isinstance(node.op, WINDOWED) else 1
        self._steps[y] = self._steps[node.inputs[0]] * stride

    def logits(self, begin: int) -> Array:
        """Of the window that begins at a row of the sequence."""
        values = dict(self._values)
        for name, step in self._steps.items():
            at, height = begin // step, self._graph.tensors[name].shape[0]
            values[name] = values[name][at : at + height]
        for node in self._rest:
            outputs = node.op.reference(*(values[name] for name in node.inputs))
            values.update(zip(node.outputs, outputs, strict=True))
        return np.asarray(values[self._graph.outputs[0]]).reshape(-1)


@cache
def sound() -> Pcm:
    """Four seconds that swell and fade: int16 [64000]."""
    level = 3000 * (1.2 + np.sin(np.arange(64000) / 3000))
    return (np.random.default_rng(4).normal(size=64000) * level).clip(-32768, 32767).astype("i2")
