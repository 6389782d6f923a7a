# SPDX-License-Identifier: Apache-2.0
"""Removal of what nobody needs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from myna.ir import Graph, Kind, Node


def prune(graph: Graph, needed: Collection[str] = ()) -> Graph:
    """Drop nodes that neither reach an output nor update state, and the tensors left over.

    An observer (a range that is tracked) stays exactly if what it observes stays.

    Args:
        graph: what to prune.
        needed: values and state that stay although no node reads them.
    """
    live = {*graph.outputs, *needed}
    kept: set[str] = set()
    for node in reversed(graph.nodes):
        acts = bool(node.updates) and not node.op.observer
        if acts or live.intersection(node.outputs):
            kept.add(node.name)
            live.update(node.inputs)
    watched = {output for node in graph.nodes if node.name in kept for output in node.outputs}
    nodes = [n for n in graph.nodes if n.name in kept or _observes(graph, n, watched)]
    return _without_unused_state(graph.with_nodes(nodes), needed)


def unread(graph: Graph) -> set[str]:
    """Tensors that no node of the graph reads."""
    return graph.tensors.keys() - {name for node in graph.nodes for name in node.inputs}


def _observes(graph: Graph, node: Node, watched: set[str]) -> bool:
    values = {name for name in node.inputs if graph.tensors[name].kind is Kind.VALUE}
    return node.op.observer and values <= watched


def _without_unused_state(graph: Graph, needed: Collection[str]) -> Graph:
    used = {name for node in graph.nodes for name in node.inputs}.union(needed)
    tensors = {
        name: tensor
        for name, tensor in graph.tensors.items()
        if tensor.kind is not Kind.STATE or name in used
    }
    return replace(graph, tensors=tensors)
