# SPDX-License-Identifier: Apache-2.0
"""What to train: everything, the last k layers, the head, biases, or a list of tensors."""

from __future__ import annotations

import re
from dataclasses import replace

from myna.errors import MynaError
from myna.ir import Graph, Kind
from myna.ops.base import Op
from myna.ops.sgd import BiasUpdate
from myna.passes.prune import prune

HELP = "all, head, bias, last-K (K layers), or tensor names joined by commas"


def select(graph: Graph, plan: str) -> Graph:
    """Keep the updates that ``plan`` names; the rest becomes constant and its gradients vanish.

    Raises:
        MynaError: the plan is none of those in ``HELP``, or names no trainable tensor.
    """
    trainable = trained_tensors(graph)
    chosen = _chosen(graph, plan, trainable)
    dropped = set(trainable) - set(chosen)
    gone = {f"{name}.update" for name in dropped}
    kept = graph.with_nodes(n for n in graph.nodes if n.name not in gone)
    frozen = [replace(kept.tensors[name], kind=Kind.CONST) for name in dropped]
    return prune(kept.with_tensors(*frozen))


def trained_tensors(graph: Graph) -> list[str]:
    """Weights and biases that the graph updates, in forward order."""
    updated = {n.name.removesuffix(".update") for n in graph.nodes if n.name.endswith(".update")}
    return [name for name in graph.tensors if name in updated]


def update_op(graph: Graph, name: str) -> Op:
    """The op that updates a trained tensor."""
    return next(n.op for n in graph.nodes if n.name == f"{name}.update")


def _chosen(graph: Graph, plan: str, trainable: list[str]) -> list[str]:
    layers = list(dict.fromkeys(name.rpartition(".")[0] for name in trainable))
    if plan == "all":
        return trainable
    if plan == "bias":
        return [n for n in trainable if isinstance(update_op(graph, n), BiasUpdate)]
    if plan == "head":
        plan = "last-1"
    if match := re.fullmatch(r"last-([1-9]\d*)", plan):
        last = layers[-int(match[1]) :]
        return [name for name in trainable if name.rpartition(".")[0] in last]
    names = plan.split(",")
    if unknown := [name for name in names if name not in trainable]:
        raise MynaError(
            f"there is no trainable tensor {unknown[0]!r}",
            where=f"training plan {plan!r}",
            fix=f"use {HELP}; tensors: {', '.join(trainable)}",
        )
    return names
