# SPDX-License-Identifier: Apache-2.0
"""Forward graph -> training step: loss, backward pass, updates, all weights trained.

Gradients have dynamic ranges (each op runs twice); the hindsight pass removes the first run.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from myna.ir import Builder, Graph, Kind, Tensor
from myna.ops import Advance, SoftmaxCrossEntropy
from myna.ops.base import pair_tensor
from myna.ops.layer import Layer
from myna.ops.loss import exp_table
from myna.passes.tape import RATE, SEED, STEP, Gradient, Tape

LABEL, CLASSES, LOSS = "label", "classes", "loss"
LOSS_SCALE = "dlogits.scale"


def autodiff(
    graph: Graph, classes: int, rate: float = 0.02, rates: Mapping[str, float] | None = None
) -> Graph:
    """Append loss, backward pass and updates to a forward graph.

    Args:
        graph: forward graph; its only output is the logits.
        classes: how many logits are in use at first.
        rate: initial learning rate, a state tensor that may be changed on the device.
        rates: factor of the rate for each weight and bias, 1 where none is given.
    """
    build = Builder(graph)
    logits = graph.outputs[0]
    build.tensor(Tensor(LABEL, (1,), "int32", Kind.INPUT))
    build.state(RATE, pair_tensor(float(rate)))
    for name, value in ((SEED, 1), (STEP, 0), (CLASSES, classes)):
        build.state(name, np.array([value], np.int32))
    table = build.const("exp_table", exp_table(graph.tensors[logits].scale))
    results = ("dlogits", LOSS_SCALE, LOSS)
    build.node(LOSS, SoftmaxCrossEntropy(), (logits, LABEL, table, CLASSES), results)
    tape = Tape(build, _wanted(graph), rates or {})
    tape.contribute(logits, Gradient("dlogits", LOSS_SCALE))
    for node in reversed(graph.nodes):
        if tape.reached(node.outputs[0]):
            node.op.backward(tape, node)
    build.node("advance", Advance(), (STEP,), (STEP,))
    build.outputs.append(LOSS)
    return build.build()


def _wanted(graph: Graph) -> frozenset[str]:
    """The tensors that depend on a weight, and so need a gradient."""
    wanted: set[str] = set()
    for node in graph.nodes:
        if isinstance(node.op, Layer) or wanted.intersection(node.inputs):
            wanted.add(node.outputs[0])
    return frozenset(wanted)
