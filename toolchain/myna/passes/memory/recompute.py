# SPDX-License-Identifier: Apache-2.0
"""Recompute what a training step does not keep, in front of whoever reads it.

Source of the idea: Chen et al., "Training Deep Nets with Sublinear Memory Cost" (2016).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from myna.ir import Builder, Graph, Node, rename
from myna.names import AGAIN
from myna.passes.prune import prune, unread


def recompute(graph: Graph, reach: Mapping[str, int]) -> Graph:
    """Let go of values, and make them again from what is kept.

    Args:
        graph: the training step.
        reach: for each value that is let go, how many nodes it waits for its next reader. One
            that comes later gets a new copy; what that is made from may have been let go, too.

    A coupling that is computed again counts its wraps again.
    """
    work = _Recomputing(graph, reach)
    for node in graph.nodes:
        work.append(node)
    return prune(work.build.build(), unread(graph))


class _Recomputing:
    def __init__(self, graph: Graph, reach: Mapping[str, int]) -> None:
        self.build = Builder(graph)
        self.build.nodes = []
        self._reach = reach
        self._makers = {name: node for node in graph.nodes for name in node.outputs}
        self._copies: dict[str, tuple[str, int]] = {}  # value -> its latest copy, last touched
        self._counts: dict[str, int] = {}

    def append(self, node: Node) -> None:
        """Append a node that reads whatever copies are at hand, or new ones."""
        inputs = {name: self._read(name) for name in node.inputs}
        self._emit(rename(node, lambda name: inputs.get(name, name)))
        for name in self._reach.keys() & set(node.outputs):
            self._copies[name] = (name, len(self.build.nodes))

    def _read(self, name: str) -> str:
        if name not in self._reach:
            return name
        copy, touched = self._copies[name]
        if len(self.build.nodes) - touched > self._reach[name]:
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
            if output not in node.updates and quant is not None:
                self.build.requantized(output + suffix, quant)
        return name + suffix

    def _emit(self, node: Node) -> None:
        self.build.node(node.name, node.op, node.inputs, node.outputs)
