# SPDX-License-Identifier: Apache-2.0
"""Maps of one row, along which time runs from left to right, put upright: a row for each step.

So do networks of one dimension, which read their input as [1, steps, channels]. In memory nothing
changes: [1, n, c] and [n, 1, c] are the same bytes, and so are filters of one row or one column.
"""

from __future__ import annotations

from dataclasses import replace

from myna.ir import Graph, Kind, Operation, Tensor
from myna.ops.add import Add
from myna.ops.concat import Concat
from myna.ops.coupling import Couple
from myna.ops.layer import Layer
from myna.ops.pad import Pad
from myna.ops.requantize import Requantize
from myna.ops.reshape import Reshape
from myna.ops.window import Window
from myna.passes.streaming.rules import WINDOWED

UNCHANGED = (Add, Concat, Couple, Requantize)


def upright(graph: Graph) -> Graph:
    """The same inference with time along the rows of all maps."""
    tensors, nodes = dict(graph.tensors), []
    turned = {t.name for t in graph.of_kind(Kind.INPUT) if len(t.shape) == 3 and t.shape[0] == 1}
    tensors |= {name: _turned(tensors[name]) for name in turned}
    for node in graph.nodes:
        x, y = node.inputs[0], node.outputs[0]
        if _lays(node.op, tensors[x]) or (x in turned and _turns(node.op)):
            turned.add(y)
            tensors[y] = _turned(tensors[y])
            if isinstance(node.op, Layer):
                tensors[node.inputs[1]] = _turned_filter(tensors[node.inputs[1]])
            nodes.append(replace(node, op=_turned_op(node.op)))
        else:
            nodes.append(node)
    return replace(graph, tensors=tensors, nodes=tuple(nodes))


def _lays(op: Operation, x: Tensor) -> bool:
    """Whether an op makes one row of many: [n, ...] becomes [1, n, c]."""
    shape = op.shape if isinstance(op, Reshape) else ()
    return len(shape) == 3 and shape[:2] == (1, x.shape[0]) and x.shape[0] > 1


def _turns(op: Operation) -> bool:
    """Whether an op on a map of one row is the same on one of one column."""
    if isinstance(op, WINDOWED):
        return op.window.kernel[0] == 1
    return isinstance(op, (*UNCHANGED, Pad))


def _turned_op(op: Operation) -> Operation:
    if isinstance(op, Reshape):
        return Reshape((op.shape[1], op.shape[0], *op.shape[2:]))
    if isinstance(op, WINDOWED):
        return replace(op, window=_turned_window(op.window))
    if isinstance(op, Pad):
        top, bottom, left, right = op.margins
        return replace(op, margins=(left, right, top, bottom))
    return op


def _turned_window(window: Window) -> Window:
    top, bottom, left, right = window.padding
    kernel, strides = window.kernel[::-1], window.strides[::-1]
    return replace(window, kernel=kernel, strides=strides, padding=(left, right, top, bottom))


def _turned(map_: Tensor) -> Tensor:
    h, w, c = map_.shape
    return replace(map_, shape=(w, h, c))


def _turned_filter(w: Tensor) -> Tensor:
    """Of one row, [..., 1, k, c]: of one column."""
    *first, h, k, c = w.shape
    shape = (*first, k, h, c)
    return replace(w, shape=shape, data=None if w.data is None else w.data.reshape(shape))
