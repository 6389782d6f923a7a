# SPDX-License-Identifier: Apache-2.0
"""Which layers need but a few rows of what they read, and what they are on so many.

Rows are steps in time: the front end makes one of each frame.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from myna.errors import MynaError
from myna.ir import Graph, Node, Operation
from myna.ops.add import Add
from myna.ops.base import Op
from myna.ops.concat import Concat
from myna.ops.conv2d import Conv2D
from myna.ops.coupling import Couple
from myna.ops.depthwise import DepthwiseConv2D
from myna.ops.max_pool import MaxPool
from myna.ops.mean import Mean
from myna.ops.pad import Pad
from myna.ops.pool import AveragePool
from myna.ops.requantize import Requantize
from myna.ops.reshape import Reshape
from myna.ops.rows import Rows
from myna.ops.sliding import MAX_WIDTH, SlidingAverage, SlidingMean

WINDOWED = (AveragePool, Conv2D, DepthwiseConv2D, MaxPool)
BY_POSITION = (Add, Concat, Couple, Requantize)


@dataclass(frozen=True)
class Reach:
    """Row r of a layer needs `size` rows of what it reads, from r · stride - before on."""

    size: int = 1
    stride: int = 1
    before: int = 0


def reach_of(op: Operation) -> Reach:
    """Of an op that works by rows."""
    if isinstance(op, WINDOWED):
        window = op.window
        return Reach(window.kernel[0], window.strides[0], window.padding[0])
    return Reach(before=op.margins[0]) if isinstance(op, Pad) else Reach()


def works_by_rows(graph: Graph, node: Node, steps: Mapping[str, int]) -> bool:
    """Whether a node makes rows of rows.

    Args:
        graph: that it is of.
        node: what is asked about.
        steps: the maps whose rows arrive, and rows of the network's input from one to the next.
    """
    op, x, y = node.op, *(graph.tensors[n] for n in (node.inputs[0], node.outputs[0]))
    if x.name not in steps or len(y.shape) < 2 or y.shape[0] == 1:
        return False
    if isinstance(op, Reshape):
        return len(x.shape) > 1 and x.shape[0] == y.shape[0]
    others = node.inputs[1:2] if isinstance(op, Add | Concat | Couple) else ()
    together = all(steps.get(name) == steps[x.name] for name in others)
    return isinstance(op, (*WINDOWED, *BY_POSITION, Pad)) and together


def on_rows(op: Operation, count: int) -> Operation:
    """The same layer on the rows that it needs for `count` of its own."""
    if isinstance(op, WINDOWED):
        return replace(op, window=replace(op.window, padding=(0, 0, *op.window.padding[2:])))
    if isinstance(op, Pad):
        return replace(op, margins=(0, 0, *op.margins[2:]))
    return Reshape((count, *op.shape[1:])) if isinstance(op, Reshape) else op


def narrows(op: Operation) -> bool:
    """Whether `RequantizeBand` does the same of rows that lie apart."""
    return isinstance(op, Requantize) and (op.from_type, op.to_type) == ("int16", "int8")


def average_of(graph: Graph, node: Node) -> Op | None:
    """What keeps the mean over a whole window that slides; None if the node is no such mean."""
    op, x = node.op, graph.tensors[node.inputs[0]]
    if len(x.shape) != 3 or x.shape[0] == 1 or x.shape[1] > MAX_WIDTH:
        return None
    if isinstance(op, Mean):
        return SlidingMean(op)
    whole = isinstance(op, AveragePool) and op.window.kernel == x.shape[:2] and op.window.tiles
    return SlidingAverage() if whole else None


def expect_rows(graph: Graph, nodes: Sequence[Node], by_rows: Collection[str]) -> None:
    """Refuse a network of which nothing would be saved.

    Args:
        graph: an inference.
        nodes: of it, in order.
        by_rows: names of those that work by rows.

    Raises:
        MynaError: the first layer that needs a whole window, though it computes as much as those
            that do not, or though there are none in front of it.
    """
    begun = False
    for node in nodes:
        op, rows = node.op, graph.tensors[node.outputs[0]].shape[0]
        begun = begun or (node.name in by_rows and isinstance(op, WINDOWED))
        heavy = isinstance(op, Conv2D | DepthwiseConv2D) and rows > 1
        if isinstance(op, Rows):
            raise _refusal(graph, node, "layers were joined to need less RAM", "allow more --ram")
        if node.name not in by_rows and (heavy or not begun):
            why = "it needs a whole window" if heavy else "no layer before it works along time"
            raise _refusal(graph, node, why, "use a network of convolutions along time")


def _refusal(graph: Graph, node: Node, why: str, fix: str) -> MynaError:
    where = f"model {graph.name}, layer {node.name} ({type(node.op).__name__})"
    return MynaError(f"cannot take in sound as it comes: {why}", where=where, fix=fix)
