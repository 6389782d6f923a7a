# SPDX-License-Identifier: Apache-2.0
"""Multiply-accumulates of layers, their input gradients and their weight gradients."""

from __future__ import annotations

from collections.abc import Iterable

from myna.ir import Graph, Node
from myna.ops.conv2d import Conv2DGradInput, Conv2DUpdate
from myna.ops.dense import DenseGradInput, DenseUpdate
from myna.ops.depthwise import DepthwiseGradInput, DepthwiseUpdate
from myna.ops.layer import Layer
from myna.ops.rows import Rows

INPUT_GRADIENTS = (DenseGradInput, Conv2DGradInput, DepthwiseGradInput)
UPDATES = (DenseUpdate, Conv2DUpdate, DepthwiseUpdate)


def macs(graph: Graph, nodes: Iterable[Node]) -> int:
    """Multiply-accumulates of some nodes of a graph.

    All three passes of a layer visit every weight at every position of its output. Taps that fall
    into padding count; elementwise work does not.
    """
    return sum(_of_node(graph, node) for node in nodes)


def _of_node(graph: Graph, node: Node) -> int:
    if isinstance(node.op, Rows):
        return macs(node.op.inner(), node.op.layers)
    if isinstance(node.op, Layer):
        outputs, weights = node.outputs[0], node.inputs[1]
    elif isinstance(node.op, INPUT_GRADIENTS):
        outputs, weights = node.inputs[:2]
    elif isinstance(node.op, UPDATES):
        outputs, weights = node.inputs[1], node.inputs[-2]
    else:
        return 0
    map_ = graph.tensors[outputs]
    return map_.size // map_.shape[-1] * graph.tensors[weights].size
