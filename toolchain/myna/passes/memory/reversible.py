# SPDX-License-Identifier: Apache-2.0
"""Reversible layers: recompute activations by exact inversion instead of storing them.

Going backward through ``y = x + branch(s)``, the branch is computed once more from the other half
``s`` of the stream, which gives the activations that its gradients need, and subtracted from ``y``,
which gives ``x`` (RevNet, Gomez et al. 2017). The additions wrap, so every value is bit-identical.
"""

from __future__ import annotations

from collections.abc import Sequence

from myna.ir import Builder, Graph, Kind, Node, rename
from myna.names import AGAIN, LOSS
from myna.ops.coupling import Couple
from myna.passes.prune import prune


def reversible(graph: Graph, most: int | None = None) -> Graph:
    """Replace what the backward pass reads inside reversible blocks by recomputed values.

    Args:
        graph: the training step.
        most: how many couplings to invert, from the loss on; those before keep what they read.
            By default all of them are inverted.
    """
    split = next(i for i, n in enumerate(graph.nodes) if n.name == LOSS)
    forward, backward = graph.nodes[:split], graph.nodes[split:]
    again: dict[str, str] = {}  # forward tensor -> what the backward pass reads instead
    insert: dict[int, list[Node]] = {}
    pending: list[Node] = []
    streams = _streams(forward)
    for index, node in reversed(list(enumerate(forward))):
        if node.outputs[0] not in streams:
            continue
        couples = isinstance(node.op, Couple)
        if most is not None and couples and (most := most - 1) < 0:
            break
        inputs = node.inputs[1:2] if couples else node.inputs  # else it begins a stream
        made = _branch(graph, forward[:index], inputs, streams)
        branch = [n for n in made if n.outputs[0] not in again]
        pending += [_again(n, again) for n in branch]
        if couples:
            pending.append(_inverse(node, again))
        first = _first_use(backward, branch)
        if first is not None:
            insert.setdefault(first, []).extend(pending)
            pending = []
    nodes = list(forward)
    for index, node in enumerate(backward):
        nodes += insert.get(index, [])
        nodes.append(_reading(node, again))
    return prune(_declare(graph, nodes))


def coupling_count(graph: Graph) -> int:
    """How many couplings could be inverted."""
    return sum(isinstance(node.op, Couple) for node in graph.nodes)


def _streams(forward: Sequence[Node]) -> frozenset[str]:
    couples = [node for node in forward if isinstance(node.op, Couple)]
    return frozenset(name for n in couples for name in (n.inputs[0], n.outputs[0]))


def _branch(
    graph: Graph, before: Sequence[Node], inputs: Sequence[str], streams: frozenset[str]
) -> list[Node]:
    """The nodes between a stream, or the network's input, and these tensors, in order."""
    needed, found = set(inputs), []
    for node in reversed(before):
        if needed.intersection(node.outputs):
            found.append(node)
            needed.update(i for i in node.inputs if i not in streams and _is_value(graph, i))
    return found[::-1]


def _again(node: Node, again: dict[str, str]) -> Node:
    again.update({name: name + AGAIN for name in node.outputs})
    repeated = rename(node, lambda name: again.get(name, name))
    return Node(node.name + AGAIN, repeated.op, repeated.inputs, repeated.outputs)


def _inverse(couple: Node, again: dict[str, str]) -> Node:
    op = couple.op
    assert isinstance(op, Couple)
    x, branch = couple.inputs[:2]
    y = again.get(couple.outputs[0], couple.outputs[0])
    again[x] = x + AGAIN
    return Node(f"{couple.name}.inverse", op.inverse(), (y, again[branch]), (again[x],))


def _first_use(backward: Sequence[Node], branch: Sequence[Node]) -> int | None:
    """Index of the first backward node that touches the branch: its values or its weights."""
    touched = {name for n in branch for name in (*n.inputs[1:], *n.outputs)}
    return next((i for i, n in enumerate(backward) if touched.intersection(n.inputs)), None)


def _reading(node: Node, again: dict[str, str]) -> Node:
    inputs = tuple(again.get(name, name) for name in node.inputs)
    return Node(node.name, node.op, inputs, node.outputs)


def _declare(graph: Graph, nodes: Sequence[Node]) -> Graph:
    build = Builder(graph)
    build.nodes = []
    for node in nodes:
        build.node(node.name, node.op, node.inputs, node.outputs)
        for name in node.outputs:
            origin = graph.tensors.get(name.removesuffix(AGAIN))
            if origin is not None and origin.quant is not None:
                build.requantized(name, origin.quant)
    return build.build()


def _is_value(graph: Graph, name: str) -> bool:
    return graph.tensors[name].kind in (Kind.VALUE, Kind.INPUT)
