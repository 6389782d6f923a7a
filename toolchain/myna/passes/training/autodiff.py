# SPDX-License-Identifier: Apache-2.0
"""Forward graph -> training step: loss, backward pass, updates, all weights trained.

Gradients have dynamic ranges (each op runs twice); the hindsight pass removes the first run.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from myna.ir import Builder, Graph, Kind, Tensor
from myna.names import (
    ADVANCE,
    CLASSES,
    CODEWORD,
    CORRELATION,
    EXP_TABLE,
    LABEL,
    LOSS,
    LOSS_GRADIENT,
    LOSS_SCALE,
    RATE,
    SEED,
    STEP,
)
from myna.ops.base import Op, pair_tensor
from myna.ops.codeword import CodewordCorrelation, CodewordLoss, public_codeword
from myna.ops.layer import Layer
from myna.ops.loss import SoftmaxCrossEntropy, exp_table
from myna.ops.sgd import Advance
from myna.ops.squared_error import SquaredError
from myna.ops.tape import Gradient
from myna.passes.prune import prune
from myna.passes.training.tape import RecordingTape


def autodiff(
    graph: Graph,
    loss: str,
    classes: int,
    rate: float = 0.02,
    rates: Mapping[str, float] | None = None,
) -> Graph:
    """Append loss, backward pass and updates to a forward graph.

    Args:
        graph: forward graph; its only output is the logits, a reconstruction of its input, or what
            is correlated with a codeword.
        loss: one of `frontend.model.LOSSES`.
        classes: how many logits are in use at first; 0 if there are none.
        rate: initial learning rate, a state tensor that may be changed on the device.
        rates: factor of the rate for each weight and bias, 1 where none is given.
    """
    build = Builder(graph)
    _begin(build, rate)
    if loss == "classify":
        _cross_entropy(build, graph.outputs[0], classes)
    elif loss == "codeword":
        _codeword(build, graph.outputs[0])
    else:
        _squared_error(build, graph.outputs[0], graph.of_kind(Kind.INPUT)[0].name)
    _backward(build, graph, _wanted(graph), rates or {})
    build.node(ADVANCE, Advance(), (STEP,), (STEP,))
    build.outputs.append(LOSS)
    return build.build()


def input_gradient(graph: Graph, classes: int) -> Graph:
    """Forward graph -> loss and the gradient of what the network reads; nothing is trained.

    Args:
        graph: forward graph; its only output is the logits.
        classes: how many logits are in use.

    Returns:
        a graph with the outputs logits, loss (nats, Q16) and gradient (int8, of a scale that is
        not told).
    """
    build, read = Builder(graph), graph.of_kind(Kind.INPUT)[0].name
    _begin(build, 0.0)
    _cross_entropy(build, graph.outputs[0], classes)
    tape = _backward(build, graph, _wanted(graph, read), {})
    forward = len(graph.nodes)  # of which a stream counts how often it wrapped
    build.nodes[forward:] = [node for node in build.nodes[forward:] if not node.updates]
    build.outputs += [LOSS, tape.gradient(read).tensor]
    return prune(build.build())


def _begin(build: Builder, rate: float) -> None:
    """The state that every training step has."""
    build.state(RATE, pair_tensor(float(rate)))
    for name, value in ((SEED, 1), (STEP, 0)):
        build.state(name, np.array([value], np.int32))


def _backward(
    build: Builder, graph: Graph, wanted: frozenset[str], rates: Mapping[str, float]
) -> RecordingTape:
    """Append the gradients of the tensors wanted, and the updates of all weights."""
    tape = RecordingTape(build, wanted, rates)
    tape.contribute(graph.outputs[0], Gradient(LOSS_GRADIENT, LOSS_SCALE))
    for node in reversed(graph.nodes):
        if tape.reached(node.outputs[0]):
            assert isinstance(node.op, Op)
            node.op.backward(tape, node)
    return tape


def _cross_entropy(build: Builder, logits: str, classes: int) -> None:
    build.tensor(Tensor(LABEL, (1,), "int32", Kind.INPUT))
    build.state(CLASSES, np.array([classes], np.int32))
    table = build.const(EXP_TABLE, exp_table(build.tensors[logits].scale))
    results = (LOSS_GRADIENT, LOSS_SCALE, LOSS)
    build.node(LOSS, SoftmaxCrossEntropy(), (logits, LABEL, table, CLASSES), results)


def _squared_error(build: Builder, y: str, x: str) -> None:
    op = SquaredError.of(build.tensors[y], build.tensors[x])
    build.node(LOSS, op, (y, x), (LOSS_GRADIENT, LOSS_SCALE, LOSS))


def _codeword(build: Builder, z: str) -> None:
    """The correlation belongs to inference: it is by what a user is verified."""
    tensor = build.tensors[z]
    known = public_codeword(tensor.size)
    build.tensor(Tensor(CODEWORD, known.shape, "int8", Kind.SECRET, data=known))
    correlate = CodewordCorrelation(tensor.zero_point)
    build.node(CORRELATION, correlate, (z, CODEWORD), (CORRELATION,))
    results = (LOSS_GRADIENT, LOSS_SCALE, LOSS)
    build.node(LOSS, CodewordLoss.of(tensor), (z, CODEWORD), results)
    build.outputs.append(CORRELATION)


def _wanted(graph: Graph, *also: str) -> frozenset[str]:
    """The tensors that depend on a weight or on these, and so need a gradient."""
    wanted = set(also)
    for node in graph.nodes:
        if isinstance(node.op, Layer) or wanted.intersection(node.inputs):
            wanted.add(node.outputs[0])
    return frozenset(wanted)
