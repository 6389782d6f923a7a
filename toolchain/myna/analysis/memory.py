# SPDX-License-Identifier: Apache-2.0
"""Activation memory of a training step: what it keeps from the forward to the backward pass.

An *activation* is an input or a value that does not depend on the loss: what the forward pass
makes, and what the backward pass makes again. Gradients and their scales depend on the loss;
weights and other state are no values. This is what papers on invertible networks count (RevNet,
Gomez et al. 2017), here with the workspace that recomputing takes.
"""

from __future__ import annotations

from dataclasses import dataclass

from myna.ir import Graph, Kind
from myna.names import LOSS
from myna.passes.memory.place import bytes_live
from myna.passes.memory.plan import Program


@dataclass(frozen=True)
class Memory:
    """Bytes of two programs for the same step, one that stores every activation.

    Attributes:
        activations_store_all, activations_planned: most bytes of activations at any node.
        arena_store_all, arena_planned: all of the arena, gradients included.
    """

    activations_store_all: int
    activations_planned: int
    arena_store_all: int
    arena_planned: int

    @property
    def ratio(self) -> float:
        """How many times fewer bytes of activations the plan needs."""
        return self.activations_store_all / self.activations_planned


def compare(store_all: Program, planned: Program) -> Memory:
    """The memory of a program that stores every activation, and of one that does not."""
    return Memory(
        peak_activations(store_all),
        peak_activations(planned),
        store_all.arena_bytes,
        planned.arena_bytes,
    )


def peak_activations(program: Program) -> int:
    """Most bytes of activations that are live at any node of a training step."""
    names = activations(program.graph)
    counted = [b for b in program.buffers if not names.isdisjoint(b.tensors)]
    return max(bytes_live(counted, len(program.graph.nodes))[: program.train_nodes])


def activations(graph: Graph) -> frozenset[str]:
    """Names of the activations of a training step, its inputs among them."""
    gradients: set[str] = set()
    found = {tensor.name for tensor in graph.of_kind(Kind.INPUT)}
    for node in graph.nodes:
        made = [name for name in node.outputs if graph.tensors[name].kind is Kind.VALUE]
        late = node.name == LOSS or not gradients.isdisjoint(node.inputs)
        (gradients if late else found).update(made)
    return frozenset(found)
