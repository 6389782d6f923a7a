# SPDX-License-Identifier: Apache-2.0
"""Order of the backward pass: what frees memory goes first, what takes memory waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from myna.ir import Graph, Kind, Node
from myna.passes.memory.plan import phases, shareable

WINDOW = 12  # nodes that may overtake each other
SMALL = 64  # bytes of scales and peaks, which are no memory to speak of


def schedule(graph: Graph) -> Graph:
    """The step with its backward nodes in another order.

    List scheduling: of the next nodes that are ready, the first goes that takes no memory, or else
    the first. The forward pass stays as it is, and what follows the step.
    """
    begin, end = phases(graph)
    moved = _scheduled(graph, graph.nodes[begin + 1 : end])
    return replace(graph, nodes=(*graph.nodes[: begin + 1], *moved, *graph.nodes[end:]))


def _scheduled(graph: Graph, nodes: Sequence[Node]) -> Iterable[Node]:
    waiting = dependencies(nodes)
    reads = dict(Counter(name for node in nodes for name in set(node.inputs)))
    reads |= dict.fromkeys(graph.outputs, len(nodes) + 1)  # never dies
    rest, done = list(range(len(nodes))), set[int]()
    while rest:
        ready = [i for i in rest[:WINDOW] if waiting[i] <= done]
        cheap = (i for i in ready if _taken(graph, nodes[i], reads) <= SMALL)
        chosen = next(cheap, ready[0])
        for name in set(nodes[chosen].inputs):
            reads[name] -= 1
        done.add(chosen)
        rest.remove(chosen)
        yield nodes[chosen]


def _taken(graph: Graph, node: Node, reads: Mapping[str, int]) -> int:
    """Bytes that a node takes while it runs, where results in place take none."""
    in_place = {o for i, o in shareable(graph, node) if reads[i] == 1}
    values = (graph.tensors[name] for name in node.outputs if name not in in_place)
    return sum(tensor.nbytes for tensor in values if tensor.kind is Kind.VALUE)


def dependencies(nodes: Sequence[Node]) -> list[set[int]]:
    """For each node those that it must follow: makers, and readers of what it updates."""
    maker: dict[str, int] = {}
    readers: dict[str, set[int]] = {}
    waiting = []
    for index, node in enumerate(nodes):
        before = {maker[name] for name in node.inputs if name in maker}
        for name in node.updates:
            before |= readers.pop(name, set())
        waiting.append(before)
        for name in node.inputs:
            readers.setdefault(name, set()).add(index)
        maker |= dict.fromkeys(node.outputs, index)
    return waiting
