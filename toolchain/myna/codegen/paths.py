# SPDX-License-Identifier: Apache-2.0
"""Which nodes have to run when it is known what is asked of them."""

from __future__ import annotations

from collections.abc import Iterable

from myna.names import SIMILARITY
from myna.passes.memory.plan import Program
from myna.passes.training.imprint import embedding_of, has_head


def paths(program: Program) -> dict[str, list[int]]:
    """The nodes between latent and loss that each function runs, in their order.

    A network spends as long on `similarity` as on its head, and most who ask want but one of them.
    """
    nodes, logits = program.graph.nodes, program.graph.outputs[0]
    learned = {
        name for n in nodes[program.forward_nodes : program.train_nodes] for name in n.inputs
    }
    embedding = {embedding_of(program.graph).name} if has_head(program.graph) else set()
    wanted = {"learned": learned, "recalled": {logits, *embedding}}
    if SIMILARITY in program.graph.tensors:
        wanted["compared"] = {SIMILARITY}
    return {name: _needed(program, tensors) for name, tensors in wanted.items()}


def _needed(program: Program, wanted: Iterable[str]) -> list[int]:
    """The forward nodes behind the latent that make these tensors."""
    tensors, found = {*wanted}, []
    for index in reversed(range(program.latent.node, program.forward_nodes)):
        node = program.graph.nodes[index]
        if tensors.intersection(node.outputs):
            tensors.update(node.inputs)
            found.append(index)
    return found[::-1]
