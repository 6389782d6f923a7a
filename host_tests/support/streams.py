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
from myna.passes.execute import initial_values

WINDOWED = (AveragePool, Conv2D, DepthwiseConv2D, MaxPool)
LOCAL = (*WINDOWED, Add, Concat, Couple, Pad, Requantize)


def alone(graph: Graph, rows: Array) -> Array:
    """The logits, int8 [n], of one window, with the network's padding."""
    source, values = graph.of_kind(Kind.INPUT)[0], initial_values(graph)
    values[source.name] = rows.reshape(source.shape)
    for node in graph.nodes:
        outputs = node.op.reference(*(values[name] for name in node.inputs))
        values.update(zip(node.outputs, outputs, strict=True))
        if graph.outputs[0] in node.outputs:
            break
    return np.asarray(values[graph.outputs[0]]).reshape(-1)


def steps(graph: Graph) -> int:
    """Of the input: rows, or columns if it has but one row."""
    shape = graph.of_kind(Kind.INPUT)[0].shape
    return shape[int(shape[0] == 1)]


class Windows:
    """The logits of any window of a sequence, int8 [rows, ...]."""

    def __init__(self, graph: Graph, rows: Array) -> None:
        source = graph.of_kind(Kind.INPUT)[0]
        self._graph, self._values = graph, initial_values(graph)
        lies = int(source.shape[0] == 1)
        shape = (1,) * lies + (len(rows), *source.shape[1 + lies :])
        self._values[source.name] = rows.reshape(shape)
        # maps of the sequence: the axis along which time runs, and rows of input from step to step
        self._long = {source.name: (lies, 1)}
        self._rest = []  # nodes that read windows, or what was made of them
        end = [i for i, node in enumerate(graph.nodes) if graph.outputs[0] in node.outputs]
        for node in graph.nodes[: end[0] + 1]:
            if (axis := self._axis(node)) is not None:
                self._extend(node, axis)
            else:
                self._rest.append(node)

    def _axis(self, node: Node) -> int | None:
        """Along which time runs in what a node makes; None if it is no sequence any more."""
        x, shape = node.inputs[0], self._graph.tensors[node.outputs[0]].shape
        if x not in self._long:
            return None
        axis, steps = self._long[x][0], self._graph.tensors[x].shape[self._long[x][0]]
        if isinstance(node.op, Reshape):
            found = [i for i in (0, 1) if shape[i : i + 1] == (steps,) and i <= shape[:1].count(1)]
            return found[0] if found and len(shape) > 1 else None
        return axis if isinstance(node.op, LOCAL) and shape[axis] > 1 else None

    def _extend(self, node: Node, axis: int) -> None:
        inputs, y = [self._values[name] for name in node.inputs], node.outputs[0]
        before, step = self._long[node.inputs[0]]
        joined = [i for i, name in enumerate(node.inputs) if name in self._long]
        steps = min(inputs[i].shape[before] for i in joined)
        for i in joined:
            inputs[i] = inputs[i].take(range(steps), before)
        if isinstance(node.op, Reshape):
            shape = list(self._graph.tensors[y].shape)
            shape[axis] = steps
            self._values[y] = inputs[0].reshape(shape)
        else:
            self._values[y] = node.op.reference(*inputs)[0]
        stride = node.op.window.strides[axis] if isinstance(node.op, WINDOWED) else 1
        self._long[y] = (axis, step * stride)

    def logits(self, begin: int) -> Array:
        """Of the window that begins at a row of the sequence."""
        values = dict(self._values)
        for name, (axis, step) in self._long.items():
            at, steps = begin // step, self._graph.tensors[name].shape[axis]
            values[name] = values[name].take(range(at, at + steps), axis)
        for node in self._rest:
            outputs = node.op.reference(*(values[name] for name in node.inputs))
            values.update(zip(node.outputs, outputs, strict=True))
        return np.asarray(values[self._graph.outputs[0]]).reshape(-1)


@cache
def sound() -> Pcm:
    """Four seconds that swell and fade: int16 [64000]."""
    level = 3000 * (1.2 + np.sin(np.arange(64000) / 3000))
    return (np.random.default_rng(4).normal(size=64000) * level).clip(-32768, 32767).astype("i2")
