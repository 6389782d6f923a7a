# SPDX-License-Identifier: Apache-2.0
"""Evaluation of a graph, node by node: what calibration and the reference both run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from myna.ir import Array, Graph, Node

Observer = Callable[[Node, tuple[Array, ...]], None]


def initial_values(graph: Graph) -> dict[str, Array]:
    """Constants and initial state."""
    return {t.name: t.data.copy() for t in graph.tensors.values() if t.data is not None}


def run(nodes: tuple[Node, ...], values: dict[str, Array], observe: Observer | None = None) -> None:
    """Run nodes on ``values``, in place; ``observe`` sees each node's outputs."""
    for node in nodes:
        outputs = node.op.reference(*(values[name] for name in node.inputs))
        values.update(zip(node.outputs, outputs, strict=True))
        if observe is not None:
            observe(node, outputs)


def execute(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """All values of one run from the initial state."""
    values = initial_values(graph) | dict(inputs)
    run(graph.nodes, values)
    return values
