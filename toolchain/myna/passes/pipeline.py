# SPDX-License-Identifier: Apache-2.0
"""The whole compiler on one screen, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from myna.ir import Graph
from myna.passes.check import check
from myna.passes.lowering.lower import lower
from myna.passes.lowering.quantize import QuantizedModel
from myna.passes.macs import macs
from myna.passes.memory.optimal_schedule import optimal_schedule
from myna.passes.memory.plan import Program, plan
from myna.passes.memory.rematerialize import fit_memory, rematerialize
from myna.passes.memory.reversible import coupling_count, reversible
from myna.passes.memory.rowwise import rowwise
from myna.passes.training.accept import accept
from myna.passes.training.autodiff import autodiff
from myna.passes.training.hindsight import RangeMode, hindsight
from myna.passes.training.imprint import Prior, has_head, imprint, learning_rates
from myna.passes.training.int8_weights import share_residual
from myna.passes.training.knapsack import Demand
from myna.passes.training.learning_rates import cautious_rates
from myna.passes.training.replay import Memories
from myna.passes.training.select import AUTO, ROOM, Contributions, choose, select


@dataclass(frozen=True)
class Options:
    """What a user may choose about the training step.

    Attributes:
        train: which tensors to train, see ``passes.training.select``.
        ranges: how gradient scales are found.
        store_all: keep every activation instead of inverting reversible blocks.
        smoothing, headroom: of in-hindsight ranges.
        rate: initial learning rate, in inverse mean squared lengths of an embedding; of a network
            that has none, see `passes.training.learning_rates`.
        body_rate: factor of the learning rate for all layers but the last.
        replay: bytes of flash for examples of what was known, to be rehearsed; none are if they do
            not hold one of each class.
        int8_weights: layers whose trained weights keep no residual: one byte each instead of two.
        rows: compute what is not trained row by row, in less memory.
        clips: how many enrollment clips the device keeps.
        backup: bytes of the largest state of which ADAPT keeps a copy in memory.
        ram: bytes of RAM to learn within, all told; `budget.fit` chooses the rest accordingly.
        memory: bytes of it for arena and state: activations are stored, inverted or recomputed
            accordingly. By default reversible blocks are inverted, and nothing is recomputed.
        macs: multiply-accumulates that a step of the training plan auto may take.
    """

    train: str = "all"
    ranges: RangeMode = RangeMode.RELATIVE
    store_all: bool = False
    smoothing: float = 0.9
    headroom: float = 2.0
    rate: float = 1.0
    body_rate: float = 0.0001
    replay: int = 1 << 17
    int8_weights: tuple[str, ...] = ()
    rows: bool = False
    clips: int = 48
    backup: int = 8192
    ram: int | None = None
    memory: int | None = None
    macs: int | None = None


@dataclass(frozen=True)
class Knowledge:
    """What a model knew: how trained classes look, and examples of them to rehearse."""

    prior: Prior
    memories: Memories


def compile_model(
    model: QuantizedModel,
    gradient_ranges: Mapping[str, float],
    options: Options,
    knowledge: Knowledge | None = None,
    contributions: Contributions | None = None,
) -> Program:
    """Quantized model -> training program.

    Args:
        model: result of ``quantize``.
        gradient_ranges: first range of every gradient, from ``hindsight.calibrate``.
        options: the user's choices.
        knowledge: without it the program can neither imprint, rehearse nor tell foreign words, and
            all layers learn at one rate.
        contributions: of the layers, where the plan of what to train asks for them.

    Raises:
        MynaError: an option does not fit the model.
    """
    graph = training_graph(model, options.rate, options, knowledge)
    graph = check(
        hindsight(graph, gradient_ranges, options.ranges, options.smoothing, options.headroom)
    )

    couplings = 0 if options.store_all else coupling_count(graph)

    def form(trained: str, inverted: int, narrowed: tuple[str, ...] = ()) -> Graph:
        step = check(select(check(reversible(graph, inverted)), trained))
        return _completed(check(share_residual(step, narrowed)), knowledge, options.rows)

    def measure(tensors: Sequence[str]) -> Demand:
        step = form(",".join(tensors), couplings)
        if options.memory is not None and options.train == AUTO:
            step = rematerialize(step, options.memory)
        return Demand(plan(step).ram_bytes, macs(step, step.nodes))

    limit = Demand(options.memory or inf, options.macs or inf)
    trained = ",".join(choose(graph, options.train, contributions, measure, limit))
    if options.memory is None:
        step = form(trained, couplings, options.int8_weights)
    else:
        forms = (form(trained, count, options.int8_weights) for count in range(couplings + 1))
        step = fit_memory(forms, options.memory)
    step = check(optimal_schedule(step))
    if knowledge is None:
        return plan(step)
    return plan(step, knowledge.memories, options.replay, varied=options.train == ROOM)


def _completed(step: Graph, knowledge: Knowledge | None, rows: bool) -> Graph:
    """With the nodes that imprint and accept, if anything is known, and perhaps by rows."""
    if knowledge is not None:
        step = check(accept(check(imprint(step, knowledge.prior))))
    return check(rowwise(step)) if rows else step


def training_graph(
    model: QuantizedModel,
    rate: float,
    options: Options | None = None,
    knowledge: Knowledge | None = None,
) -> Graph:
    """Quantized model -> training step with dynamic ranges, all weights trained."""
    graph, rates, classes = check(lower(model)), {}, len(model.model.labels)
    if knowledge and options:
        rates = learning_rates(graph, knowledge.prior, options.body_rate)
    elif not (classes and has_head(graph)):
        rates = cautious_rates(graph, classes)
    return check(autodiff(graph, classes, rate, rates))
