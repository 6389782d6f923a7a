# SPDX-License-Identifier: Apache-2.0
"""What to train: everything, the last k layers, the head, biases, the layers that bring most."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

from myna.errors import MynaError
from myna.ir import Graph, Kind, Operation
from myna.ops.sgd import BiasUpdate
from myna.passes.macs import macs
from myna.passes.prune import prune
from myna.passes.training.knapsack import Demand, Layer, best_set

ALL = "all"
ROOM = "room"  # see passes.replay: its memories are feature maps
AUTO = "auto"  # as much as budgets allow
HELP = (
    "all, head, room (the head, rehearsing in the room's noise), bias, last-K (K layers), "
    "sparse-N (the head and N layers), ram-BYTES (as much as fits), auto (as much as --ram and "
    "--time allow), or tensor names joined by commas"
)
MEASURED = re.compile(r"(sparse|ram)-([1-9]\d*)|auto")  # plans that ask for contributions
MEASURE = "run `myna contributions MODEL --data DIR`"


@dataclass(frozen=True)
class Contribution:
    """What training a layer beside the head brought, and what it cost.

    Attributes:
        gain: accuracy of enrolled words beyond training the head alone, percentage points.
        ram: bytes of arena and state beyond those of training the head alone.
    """

    gain: float
    ram: int


Contributions = Mapping[str, Contribution]  # by layer
Measure = Callable[[Sequence[str]], Demand]  # what a step takes that trains these tensors
UNLIMITED = Demand(inf, inf)


def select(graph: Graph, plan: str) -> Graph:
    """Keep the updates that ``plan`` names; the rest becomes constant and its gradients vanish.

    Args:
        graph: training step with all updates.
        plan: see ``HELP``; none that needs measurements.

    Raises:
        MynaError: see ``choose``.
    """
    return _keep(graph, choose(graph, plan))


def choose(
    graph: Graph,
    plan: str,
    contributions: Contributions | None = None,
    measure: Measure | None = None,
    limit: Demand = UNLIMITED,
) -> list[str]:
    """The tensors that a plan trains, in forward order.

    Args:
        graph: training step with all updates.
        plan: see ``HELP``.
        contributions: of every layer but the head, for the plans sparse-N, ram-BYTES and auto.
        measure: for the plans ram-BYTES and auto.
        limit: for the plan auto.

    Raises:
        MynaError: the plan is none of those in ``HELP``, names no trainable tensor, or cannot be
            chosen: nothing was measured, or the budget does not hold the head.
    """
    trainable = trained_tensors(graph)
    if not (match := MEASURED.fullmatch(plan)):
        return _chosen(graph, plan, trainable)
    head, ranking = _ranking(trainable, plan, contributions)
    if match[1] == "sparse":
        return _tensors(trainable, {head, *ranking[: int(match[2])]})
    if match[1] == "ram":
        limit = Demand(int(match[2]), inf)
    assert measure is not None
    return _affordable(graph, plan, head, contributions or {}, measure, limit)


def trained_tensors(graph: Graph) -> list[str]:
    """Weights and biases that the graph updates, in forward order."""
    updated = {n.name.removesuffix(".update") for n in graph.nodes if n.name.endswith(".update")}
    return [name for name in graph.tensors if name in updated]


def layers_of(tensors: Sequence[str]) -> list[str]:
    """The layers of weights and biases, in the same order."""
    return list(dict.fromkeys(name.rpartition(".")[0] for name in tensors))


def update_op(graph: Graph, name: str) -> Operation:
    """The op that updates a trained tensor."""
    return next(n.op for n in graph.nodes if n.name == f"{name}.update")


def _keep(graph: Graph, chosen: Sequence[str]) -> Graph:
    dropped = set(trained_tensors(graph)) - set(chosen)
    gone = {f"{name}.update" for name in dropped}
    kept = graph.with_nodes(n for n in graph.nodes if n.name not in gone)
    frozen = [replace(kept.tensors[name], kind=Kind.CONST) for name in dropped]
    return prune(kept.with_tensors(*frozen))


def _tensors(trainable: Sequence[str], layers: Collection[str]) -> list[str]:
    return [name for name in trainable if name.rpartition(".")[0] in layers]


def _chosen(graph: Graph, plan: str, trainable: list[str]) -> list[str]:
    if plan == ALL:
        return trainable
    if plan == "bias":
        return [n for n in trainable if isinstance(update_op(graph, n), BiasUpdate)]
    if plan in ("head", ROOM):
        plan = "last-1"
    if match := re.fullmatch(r"last-([1-9]\d*)", plan):
        return _tensors(trainable, set(layers_of(trainable)[-int(match[1]) :]))
    names = plan.split(",")
    if unknown := [name for name in names if name not in trainable]:
        raise MynaError(
            f"there is no trainable tensor {unknown[0]!r}",
            where=f"training plan {plan!r}",
            fix=f"use {HELP}; tensors: {', '.join(trainable)}",
        )
    return names


def _ranking(
    trainable: Sequence[str], plan: str, contributions: Contributions | None
) -> tuple[str, list[str]]:
    """The head, and all other layers: those that bring most per byte come first."""
    where = f"training plan {plan!r}"
    if contributions is None:
        raise MynaError("nobody measured what its layers bring", where=where, fix=MEASURE)
    *body, head = layers_of(trainable)
    if missing := [layer for layer in body if layer not in contributions]:
        what = f"the contributions measured do not fit the network: {missing[0]} is missing"
        raise MynaError(what, where=where, fix=MEASURE)

    def per_byte(layer: str) -> float:
        return contributions[layer].gain / max(contributions[layer].ram, 1)

    return head, sorted(body, key=per_byte, reverse=True)


def _affordable(
    graph: Graph,
    plan: str,
    head: str,
    contributions: Contributions,
    measure: Measure,
    limit: Demand,
) -> list[str]:
    """The set of layers that brings most within the limits, by the sum of what each brings."""
    trainable = trained_tensors(graph)
    if not (needed := measure(_tensors(trainable, {head}))).fits(limit):
        raise MynaError(
            f"training the head alone takes {needed.ram:,.0f} bytes of arena and state and "
            f"{needed.macs:,.0f} multiply-accumulates",
            where=f"training plan {plan!r}",
            fix="allow at least these",
        )
    useful = [layer for layer in layers_of(trainable) if layer != head]
    layers = [
        Layer(name, contributions[name].gain, _own_demand(graph, _tensors(trainable, {name})))
        for name in useful
        if contributions[name].gain > 0
    ]
    best = best_set(layers, lambda names: measure(_tensors(trainable, {head, *names})), limit)
    return _tensors(trainable, {head, *best})


def _own_demand(graph: Graph, tensors: Sequence[str]) -> Demand:
    """State and work of updating some tensors, if their gradients are there."""
    updates = [node for node in graph.nodes if node.name in {f"{name}.update" for name in tensors}]
    state = sum(graph.tensors[name].nbytes for node in updates for name in node.updates)
    return Demand(state, macs(graph, updates))
