# SPDX-License-Identifier: Apache-2.0
"""Mask gradients by the stream rather than by its int8 copy, which then need not wait for them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from myna.ir import Graph, Node
from myna.ops.gradient import NO_HIGH, NO_HIGH16, ClampGrad, StreamClampGrad
from myna.ops.requantize import Requantize
from myna.passes.prune import prune, unread


def mask_by_streams(graph: Graph) -> Graph:
    """Let a ReLU that leaves a stream mask its gradient by the stream."""
    makers = {name: node for node in graph.nodes for name in node.outputs}
    masked = graph.with_nodes(_masked(node, makers) for node in graph.nodes)
    return prune(masked, unread(graph))


def _masked(node: Node, makers: dict[str, Node]) -> Node:
    maker = makers.get(node.inputs[-1])
    if not isinstance(node.op, ClampGrad) or maker is None or not isinstance(maker.op, Requantize):
        return node
    leaves = maker.op.from_type == "int16" and maker.op.to_type == "int8"
    if not leaves or node.op.high != NO_HIGH:
        return node
    op = StreamClampGrad(threshold(maker.op, node.op.low), NO_HIGH16)
    return replace(node, op=op, inputs=(node.inputs[0], maker.inputs[0]))


@cache
def threshold(op: Requantize, low: int) -> int:
    """The largest stream value whose int8 copy is not above ``low``."""
    stream = np.arange(-32768, 32768).astype(np.int16)
    (copies,) = op.reference(stream)
    return int(np.searchsorted(copies, low, side="right")) - 32769
