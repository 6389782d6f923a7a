# SPDX-License-Identifier: Apache-2.0
"""Rehearsal: examples of what was known before, kept in flash, against forgetting.

They are kept as the *latent*, the last tensor before anything that training changes (latent
replay, Pellegrini et al. 2020): the features if every layer is trained, the embedding if only the
head is. What lies before it is then computed once, by the compiler. The plan *room* gives that up:
noise can be mixed into feature maps, and not into an embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from myna.ir import Array, Graph, Kind
from myna.passes.execute import initial_values, run


@dataclass(frozen=True)
class Latent:
    """Where rehearsal enters a training step.

    Attributes:
        tensor: the last tensor before anything that training changes; it alone is needed.
        node: index of the node that follows it.
    """

    tensor: str
    node: int


@dataclass(frozen=True)
class Memories:
    """Labelled int8 feature maps [n, …] of what the model knew, the classes taking turns."""

    features: Array
    labels: Array


NO_MEMORIES = Memories(np.zeros((0, 1), np.int8), np.zeros(0, np.int32))


@dataclass(frozen=True)
class Replay:
    """What is rehearsed: int8 latents [n, bytes] and their classes, int32 [n]."""

    latents: Array
    labels: Array


def features_of(graph: Graph) -> Latent:
    """The features, with which every training step can begin."""
    return Latent(graph.of_kind(Kind.INPUT)[0].name, 0)


def find_latent(graph: Graph, forward: int, train: int) -> Latent:
    """The latest single tensor from which the rest of a training step can go on.

    Args:
        graph: the step, of which the first `forward` nodes make the logits.
        forward, train: numbers of nodes.
    """
    trained = {name for node in graph.nodes[forward:train] for name in node.updates}
    last = {name: i for i, node in enumerate(graph.nodes[:train], 1) for name in node.inputs}
    best = features_of(graph)
    waiting = {best.tensor}  # for a later node
    for index, node in enumerate(graph.nodes[:forward], 1):
        if trained.intersection(node.inputs):
            break
        made = [name for name in node.outputs if graph.tensors[name].kind is Kind.VALUE]
        waiting = {name for name in (*waiting, *made) if last.get(name, 0) > index}
        if len(waiting) == 1 and waiting <= {n for n in made if _is_int8(graph, n)}:
            best = Latent(next(iter(waiting)), index)
    return best


def _is_int8(graph: Graph, name: str) -> bool:
    return graph.tensors[name].dtype == "int8"


def remember(graph: Graph, latent: Latent, memories: Memories, budget: int) -> Replay:
    """As many latents as fit `budget` bytes of flash, the first ones of `memories`.

    None where they do not hold one example of each class: rehearsing some would favour these.
    """
    each = graph.tensors[latent.tensor].nbytes + np.dtype(np.int32).itemsize
    count, classes = budget // each, len(np.unique(memories.labels))
    count = count if count >= classes else 0
    labels = memories.labels[:count].astype(np.int32)
    rows = [_latent(graph, latent, features) for features in memories.features[:count]]
    shape = (len(labels), graph.tensors[latent.tensor].nbytes)
    return Replay(np.array(rows, np.int8).reshape(shape), labels)


def _latent(graph: Graph, latent: Latent, features: Array) -> Array:
    source = graph.of_kind(Kind.INPUT)[0]
    values = initial_values(graph) | {source.name: features.reshape(source.shape)}
    run(graph.nodes[: latent.node], values)
    return values[latent.tensor].reshape(-1)


def take_turns(labels: Sequence[int]) -> list[int]:
    """Positions of examples such that the classes take turns, each in its own order."""
    turn: dict[int, int] = {}
    order = []
    for position, label in enumerate(labels):
        turn[label] = turn.get(label, -1) + 1
        order.append((turn[label], label, position))
    return [position for _, _, position in sorted(order)]
