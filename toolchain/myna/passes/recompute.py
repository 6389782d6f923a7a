# SPDX-License-Identifier: Apache-2.0
"""Recompute what a training step does not keep, in front of whoever reads it.

Source of the idea: Chen et al., "Training Deep Nets with Sublinear Memory Cost" (2016).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from myna.ir import Builder, Graph, Node, rename
from myna.passes.prune import prune

AGAIN = "~"  # marks what is computed once more


def recompute(graph: Graph, dropped: Collection[str], reach: int) -> Graph:
    """Let go of values, and make them again from what is kept.

    Args:
        graph: the training step.
        dropped: values that are not kept; what they are made from may be dropped, too.
        reach: nodes. Who reads a value that many nodes after it was last made or read gets a new
            copy.

    A coupling that is computed again counts its wraps again.
    """
    work = _Recomputing(graph, frozenset(dropped), reach)
    for node in graph.nodes:
        work.append(node)
    return prune(work.build.build())


class _Recomputing:
    def __init__(self, graph: Graph, dropped: frozenset[str], reach: int) -> None:
        self.build = Builder(graph)
        self.build.nodes = []
        self._dropped, self._reach = dropped, reach
        self._makers = {name: node for node in graph.nodes for name in node.outputs}
        self._copies: dict[str, tuple[str, int]] = {}  # value -> its latest copy, last touched
        self._counts: dict[str, int] = {}

    def append(self, node: Node) -> None:
        """Append a node that reads whatever copies are at hand, or new ones."""
        inputs = {name: self._read(name) for name in node.inputs}
        self._emit(rename(node, lambda name: inputs.get(name, name)))
        for name in self._dropped.intersection(node.outputs):
            self._copies[name] = (name, len(self.build.nodes))

    def _read(self, name: str) -> str:
        if name not in self._dropped:
            return name
        copy, touched = self._copies[name]
        if len(self.build.nodes) - touched > self._reach:
            copy = self._make(name)
        self._copies[name] = (copy, len(self.build.nodes))
        return copy

    def _make(self, name: str) -> str:
        node = self._makers[name]
        self._counts[node.name] = count = self._counts.get(node.name, 0) + 1
        suffix = f"{AGAIN}{count}"
        names = {i: self._read(i) for i in node.inputs}
        names |= {o: o + suffix for o in node.outputs if o not in node.updates}
        self._emit(replace(rename(node, lambda n: names.get(n, n)), name=node.name + suffix))
        for output in node.outputs:
            quant = self.build.tensors[output].quant
            if output in self._dropped and quant is not None:
                self.build.requantized(output + suffix, quant)
        return name + suffix

    def _emit(self, node: Node) -> None:
        self.build.node(node.name, node.op, node.inputs, node.outputs)
