# SPDX-License-Identifier: Apache-2.0
"""Fit a training step into so many bytes: recompute what waits where memory is short.

A greedy search in the manner of dynamic rematerialization (Kirisame et al. 2021): while some node
needs more than allowed, of all activations that wait there for a later reader, the one is let go
whose bytes cost least to compute again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from myna.ir import Graph, Kind, Node
from myna.names import LOSS
from myna.ops.coupling import Uncouple
from myna.passes.check import check
from myna.passes.macs import macs
from myna.passes.memory.masks import mask_by_streams
from myna.passes.memory.place import bytes_live
from myna.passes.memory.plan import lifetimes, peak, plan, state_layout
from myna.passes.memory.recompute import recompute
from myna.passes.memory.schedule import schedule

SHARE = 100  # an activation below this fraction of the peak is not worth a node


def fit_memory(forms: Iterable[Graph], ram: int) -> Graph:
    """The first of some forms of a step that fits, or else the last one, made to fit if it can be.

    Args:
        forms: the same step, the one that computes least first.
        ram: bytes of arena and state.
    """
    for step in forms:
        if _fits(step, ram):
            return step
    return rematerialize(step, ram)


def rematerialize(graph: Graph, ram: int) -> Graph:
    """The same step with values recomputed until it fits, or else with the least found.

    Args:
        graph: the training step.
        ram: bytes of arena and state.
    """
    if _fits(graph, ram):
        return graph
    budget = ram - state_layout(graph)[1]
    if budget < _least(graph):
        return graph
    found = _recomputed(graph, budget)
    placed = plan(found)
    lost = placed.arena_bytes - placed.arena_lower_bound  # to imperfect placement
    return _recomputed(graph, budget - lost) if lost and placed.ram_bytes > ram else found


def _fits(graph: Graph, ram: int) -> bool:
    """Whether arena and state do; a step is only placed if it may fit."""
    return peak(graph) + state_layout(graph)[1] <= ram and plan(graph).ram_bytes <= ram


def _least(graph: Graph) -> int:
    """The most that one node reads and writes: no recomputation spares it."""
    sizes = {t.name: t.nbytes for t in graph.tensors.values() if t.kind in (Kind.VALUE, Kind.INPUT)}
    return max(sum(sizes.get(name, 0) for name in set(node.inputs)) for node in graph.nodes)


def _recomputed(graph: Graph, budget: int) -> Graph:
    """Recompute values until no node needs more than ``budget`` bytes, if that can be."""
    best = _Attempt.of(check(mask_by_streams(graph)), {}, budget)
    refused: set[tuple[str, int]] = set()
    while best.excess:
        for name, gap in best.waiting():
            if (name, gap) in refused:
                continue
            refused.add((name, gap))
            reach = best.reach | {name: min(gap - 2, best.reach.get(name, gap))}
            if (trial := _Attempt.of(best.source, reach, budget)).excess < best.excess:
                best = trial
                break
        else:
            break
    return best.step


@dataclass(frozen=True)
class _Attempt:
    """A step, how it was made of its source, and what it needs.

    Attributes:
        order: place of every node as it was recomputed, before nodes were moved.
        live: bytes at every node.
        excess: sum of what nodes need beyond the budget.
    """

    source: Graph
    step: Graph
    reach: dict[str, int]
    order: Mapping[str, int]
    live: list[int]
    excess: int

    @classmethod
    def of(cls, source: Graph, reach: dict[str, int], budget: int) -> _Attempt:
        """Recompute what is out of reach, in the better of two orders."""
        made = check(recompute(source, reach))
        order = {node.name: index for index, node in enumerate(made.nodes)}
        found = []
        for step in (made, check(schedule(made))):
            live = bytes_live(lifetimes(step), len(step.nodes))
            excess = sum(max(0, need - budget) for need in live)
            found.append(cls(source, step, reach, order, live, excess))
        return min(found, key=lambda attempt: attempt.excess)

    def waiting(self) -> list[tuple[str, int]]:
        """Values that may be let go at the worst node, the cheapest per byte first.

        Each with the number of nodes between the two readers around that node.
        """
        worst = max(range(len(self.live)), key=self.live.__getitem__)
        before, after = _neighbours(self.step.nodes, worst)
        makers = {name: node for node in _activations(self.step) for name in node.outputs}
        found = []
        for name in before.keys() & after.keys() & makers.keys() & self.source.tensors.keys():
            size = self.step.tensors[name].nbytes
            if size * SHARE < self.live[worst]:
                continue
            cost = (self.step.tensors[name].size + macs(self.step, [makers[name]])) / size
            gap = abs(self.order[after[name]] - self.order[before[name]])
            found.append((cost, name, gap))
        return [(name, gap) for _, name, gap in sorted(found)]


def _neighbours(nodes: Sequence[Node], at: int) -> tuple[dict[str, str], dict[str, str]]:
    """The nodes that touch a value last before some node, and first after it.

    Of values that it does not touch itself.
    """
    before = {name: node.name for node in nodes[:at] for name in (*node.inputs, *node.outputs)}
    behind = reversed(nodes[at + 1 :])
    after = {name: node.name for node in behind for name in (*node.inputs, *node.outputs)}
    for name in (*nodes[at].inputs, *nodes[at].outputs):
        before.pop(name, None)
    return before, after


def _activations(graph: Graph) -> Iterator[Node]:
    """Nodes that make values which may be computed again: no gradients, no ends of a stream."""
    late: set[str] = set()
    for node in graph.nodes:
        if node.name == LOSS or late.intersection(node.inputs):
            late.update(n for n in node.outputs if graph.tensors[n].kind is Kind.VALUE)
        elif not node.updates and not isinstance(node.op, Uncouple):
            yield node
