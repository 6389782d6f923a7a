# SPDX-License-Identifier: Apache-2.0
"""Removal of what nobody needs."""

from __future__ import annotations

from dataclasses import replace

from myna.ir import Graph, Kind, Node


def prune(graph: Graph) -> Graph:
    """Drop nodes that neither reach an output nor update state, and the tensors left over.

    An observer (a range that is tracked) stays exactly if what it observes stays.
    """
    live: set[str] = set(graph.outputs)
    kept: set[str] = set()
    for node in reversed(graph.nodes):
        acts = bool(node.updates) and not node.op.observer
        if acts or live.intersection(node.outputs):
            kept.add(node.name)
            live.update(node.inputs)
    watched = {output for node in graph.nodes if node.name in kept for output in node.outputs}
    nodes = [n for n in graph.nodes if n.name in kept or _observes(graph, n, watched)]
    return _without_unused_state(graph.with_nodes(nodes))


def _observes(graph: Graph, node: Node, watched: set[str]) -> bool:
    values = {name for name in node.inputs if graph.tensors[name].kind is Kind.VALUE}
    return node.op.observer and values <= watched


def _without_unused_state(graph: Graph) -> Graph:
    used = {name for node in graph.nodes for name in node.inputs}
    tensors = {
        name: tensor
        for name, tensor in graph.tensors.items()
        if tensor.kind is not Kind.STATE or name in used
    }
    return replace(graph, tensors=tensors)
