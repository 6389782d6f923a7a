# SPDX-License-Identifier: Apache-2.0
"""Give a training program the means to start a new class: one more node, run on request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from myna.ir import Array, Builder, Graph, Kind, Node, Tensor
from myna.names import (
    CENTER,
    CLASSES,
    HALVINGS,
    IMPRINT,
    LABEL,
    NAMES,
    OWNER,
    SHOTS,
    TOTAL,
    TYPICAL,
)
from myna.ops.dense import Dense
from myna.ops.imprint import CENTER_BITS, Imprint
from myna.ops.layer import Layer
from myna.passes.execute import initial_values, run

NAME_BYTES = 24  # of the name of a new class


@dataclass(frozen=True)
class Prior:
    """What trained classes tell about a new one; of embeddings minus their zero point.

    Attributes:
        center: mean of the classes' mean embeddings, int16 [inputs], Q4.
        norm: mean length of the trained rows, in int8 steps of a spare row.
        own: mean accumulator that an example's own class gets, in steps of a spare row.
        energy: mean squared length of a real-valued embedding; an SGD step of rate r changes the
            logits of the same example by r times this, so rates are given in its inverse.
    """

    center: Array
    norm: int
    own: int
    energy: float


def has_head(graph: Graph) -> bool:
    """Whether a dense layer makes the logits."""
    return next(_heads(graph), None) is not None


def head_of(graph: Graph) -> Node:
    """The dense layer that makes the logits, of a graph that has one."""
    return next(_heads(graph))


def embedding_of(graph: Graph) -> Tensor:
    """The input of the head, of a graph that has one."""
    return graph.tensors[head_of(graph).inputs[0]]


def center_of(graph: Graph) -> Array:
    """The centre of embeddings, int16 [inputs], Q4, of a network that can begin classes."""
    center = graph.tensors[CENTER].data
    assert center is not None
    return np.asarray(center, np.int16)


def _heads(graph: Graph) -> Iterator[Node]:
    return (n for n in graph.nodes if graph.outputs[0] in n.outputs and isinstance(n.op, Dense))


def head_scales(graph: Graph) -> tuple[float, float]:
    """The scales of the embedding, and of a spare row of the head."""
    quant = graph.tensors[head_of(graph).inputs[1]].quant
    assert quant is not None
    return embedding_of(graph).scale, quant.scale[-1]


def embed(graph: Graph, samples: Iterable[Array]) -> Array:
    """Embeddings, int64 [n, inputs] without their zero point, of int8 feature maps."""
    nodes = graph.nodes[: graph.nodes.index(head_of(graph))]
    source, embedding = graph.of_kind(Kind.INPUT)[0], embedding_of(graph)
    rows = []
    for sample in samples:
        values = initial_values(graph) | {source.name: sample.reshape(source.shape)}
        run(nodes, values)
        rows.append(values[embedding.name].reshape(-1).astype(np.int64) - embedding.zero_point)
    return np.array(rows)


def learning_rates(graph: Graph, prior: Prior, body_rate: float) -> dict[str, float]:
    """Factors that make one learning rate fit every network, for all weights and biases.

    Args:
        graph: that holds the forward nodes.
        prior: what divides the rate.
        body_rate: factor for all layers but the head.
    """
    head = head_of(graph)
    return {
        name: (1.0 if node is head else body_rate) / prior.energy
        for node in graph.nodes
        if isinstance(node.op, Layer)
        for name in node.inputs[1:3]
    }


def measure(graph: Graph, samples: Iterable[Array], labels: Array) -> Prior:
    """The prior of a forward graph from labelled int8 feature maps."""
    head = head_of(graph)
    w, b = (graph.tensors[name] for name in head.inputs[1:3])
    assert w.data is not None and b.data is not None and w.quant is not None
    rows = embed(graph, samples)
    known = np.unique(labels)
    scale = np.array(w.quant.scale)
    spare = float(np.median(scale[known]))
    lengths = np.linalg.norm(w.data[known] * scale[known, None], axis=1)
    own = ((rows * w.data[labels]).sum(1) + b.data[labels]) * scale[labels]
    center = np.mean([rows[labels == label].mean(0) for label in known], axis=0)
    return Prior(
        np.rint(center * 2**CENTER_BITS).astype(np.int16),
        round(float(lengths.mean()) / spare),
        round(float(own.mean()) / spare),
        float((rows**2).sum(1).mean()) * embedding_of(graph).scale ** 2,
    )


def imprint(graph: Graph, prior: Prior) -> Graph:
    """Append the node that imprints class `label` from the sum of `shots` embeddings.

    The head's weights become state even where they are not trained. So do the names of new
    classes, which nothing computes with: they are kept, saved and undone with what they name.
    """
    head = head_of(graph)
    w, b = head.inputs[1:3]
    residual = f"{w}.residual"
    state = (replace(graph.tensors[name], kind=Kind.STATE) for name in (w, b))
    build = Builder(graph.with_tensors(*state))
    build.tensor(Tensor(TOTAL, (prior.center.size,), "int32", Kind.INPUT))
    for name in (SHOTS, HALVINGS):
        build.tensor(Tensor(name, (1,), "int32", Kind.INPUT))
    if residual not in build.tensors:
        build.state(residual, np.zeros(build.tensors[w].shape, np.int8))
    _names(build)
    build.const(CENTER, prior.center)
    updated = (w, residual, b)
    op = Imprint(prior.norm, prior.own)
    build.node(IMPRINT, op, (TOTAL, SHOTS, HALVINGS, LABEL, CENTER, *updated), updated)
    return build.build()


def _names(build: Builder) -> None:
    known = build.tensors[CLASSES].data
    assert known is not None
    free = build.tensors[build.outputs[0]].size - int(known[0])
    if free:
        build.state(NAMES, np.zeros((free, NAME_BYTES), np.int8))


def without_class(graph: Graph, values: Mapping[str, Array], label: int) -> dict[str, Array]:
    """A state with one class less: the last one takes the number of the one that goes.

    Args:
        graph: a program's.
        values: its state tensors.
        label: the class that goes, one behind those that the model knew.

    Returns:
        the state tensors; the row of the last class is as it was before any class was begun.
    """
    w, b = head_of(graph).inputs[1:3]
    known = initial_values(graph)
    last = int(values[CLASSES][0]) - 1
    changed = {name: value.copy() for name, value in values.items()}
    for name in (w, f"{w}.residual", b, TYPICAL, NAMES, OWNER):
        if name in changed:
            behind = int(known[CLASSES][0]) if name == NAMES else 0
            changed[name][label - behind] = changed[name][last - behind]
            changed[name][last - behind] = known[name][last - behind]
    changed[CLASSES] -= 1
    return changed
