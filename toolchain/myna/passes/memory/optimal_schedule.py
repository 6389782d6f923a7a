# SPDX-License-Identifier: Apache-2.0
"""The order of backward nodes that needs least memory, of a step that has few."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np

from myna.ir import Array, Graph, Kind
from myna.passes.memory.plan import aligned, peak, phases, shareable
from myna.passes.memory.schedule import dependencies
from myna.passes.memory.solver import ask

SMALL = 64  # backward nodes, which the solver orders in about a second


@dataclass(frozen=True)
class Value:
    """What one node makes and others read, whatever their order.

    Attributes:
        size: bytes.
        maker: node that makes it; None for an input.
        readers: nodes that read it; None for what is kept to the end.
        heirs: those of them that may write a result in its place.
    """

    size: int
    maker: int | None
    readers: Sequence[int] | None
    heirs: Sequence[int]


def optimal_schedule(graph: Graph) -> Graph:
    """The step in the best order, or as it stands, where no other needs less or nodes are many."""
    begin, end = phases(graph)
    if end - begin > SMALL:
        return graph
    values, follows = list(_values(graph)), _follows(graph)
    need, bound = peak(graph), least(values, follows)
    if need == bound:
        return graph
    earliest, latest = follows.sum(axis=1), len(follows) - 1 - follows.sum(axis=0)
    counted = follows.astype(int)
    direct = follows & (counted @ counted == 0)  # the rest follows from these
    order = ask(
        "order",
        values=[astuple(value) for value in values],
        follows=np.argwhere(direct).tolist(),
        spans=np.stack([earliest, latest], axis=1).tolist(),
        bounds=(bound, need),
    )
    moved = replace(graph, nodes=tuple(graph.nodes[index] for index in order))
    return min(graph, moved, key=peak)


def least(values: Sequence[Value], follows: Array) -> int:
    """Bytes that some node needs in every order: of values made before that are read after."""
    within = follows | np.eye(len(follows), dtype=bool)  # [a, b]: b is a or comes before
    need = np.zeros(len(follows), np.int64)
    for value in values:
        made = True if value.maker is None else within[:, value.maker]
        if value.readers is None:
            need += made * value.size
            continue
        used = within[value.readers].copy()
        for row, reader in enumerate(value.readers):
            used[row, reader] = reader not in value.heirs
        if value.maker is not None:
            used = np.vstack([used, np.arange(len(follows)) == value.maker])
        need += (made & used.any(axis=0)) * value.size
    return int(need.max())


def _values(graph: Graph) -> Iterator[Value]:
    makers = {name: i for i, node in enumerate(graph.nodes) for name in node.outputs}
    shared = [{name for name, _ in shareable(graph, node)} for node in graph.nodes]
    for tensor in graph.tensors.values():
        if tensor.kind not in (Kind.VALUE, Kind.INPUT):
            continue
        name = tensor.name
        readers = [i for i, node in enumerate(graph.nodes) if name in node.inputs]
        heirs = [i for i in readers if name in shared[i]]
        kept = name in graph.outputs
        yield Value(aligned(tensor.nbytes), makers.get(name), None if kept else readers, heirs)


def _follows(graph: Graph) -> Array:
    """Which node comes after which in every order: bool [later, earlier].

    Only backward nodes may change places.
    """
    begin, end = phases(graph)
    follows = np.zeros((len(graph.nodes),) * 2, bool)
    for node, before in enumerate(dependencies(graph.nodes)):
        follows[node, : begin + 1 if begin < node < end else node] = True
        for earlier in before:
            follows[node] |= follows[earlier]
            follows[node, earlier] = True
    return follows
