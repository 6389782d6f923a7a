# SPDX-License-Identifier: Apache-2.0
"""The whole compiler on one screen, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from myna.check import check
from myna.ir import Graph
from myna.passes.accept import accept
from myna.passes.autodiff import autodiff
from myna.passes.hindsight import RangeMode, hindsight
from myna.passes.imprint import Prior, imprint, learning_rates
from myna.passes.lower import lower
from myna.passes.narrow import narrow
from myna.passes.plan import Program, plan
from myna.passes.quantize import QuantizedModel
from myna.passes.replay import Memories
from myna.passes.reversible import reversible
from myna.passes.rowwise import rowwise
from myna.passes.select import ROOM, Contributions, select


@dataclass(frozen=True)
class Options:
    """What a user may choose about the training step.

    Attributes:
        train: which tensors to train, see ``passes.select``.
        ranges: how gradient scales are found.
        store_all: keep every activation instead of inverting reversible blocks.
        smoothing, headroom: of in-hindsight ranges.
        rate: initial learning rate, in inverse mean squared lengths of an embedding.
        body_rate: factor of the learning rate for all layers but the last.
        replay: bytes of flash for examples of what was known, to be rehearsed.
        narrow: layers whose trained weights keep no residual: one byte each instead of two.
        rows: compute what is not trained row by row, in less memory.
        clips: how many enrollment clips the device keeps.
        backup: bytes of the largest state of which ADAPT keeps a copy in memory.
        ram: bytes of RAM to learn within, all told; `budget.fit` chooses the rest accordingly.
    """

    train: str = "all"
    ranges: RangeMode = RangeMode.RELATIVE
    store_all: bool = False
    smoothing: float = 0.9
    headroom: float = 2.0
    rate: float = 1.0
    body_rate: float = 0.0001
    replay: int = 1 << 17
    narrow: tuple[str, ...] = ()
    rows: bool = False
    clips: int = 48
    backup: int = 8192
    ram: int | None = None


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
            all layers learn at the plain rate.
        contributions: of the layers, where the plan of what to train asks for them.

    Raises:
        MynaError: an option does not fit the model.
    """
    graph = training_graph(model, options.rate, options, knowledge)
    graph = check(
        hindsight(graph, gradient_ranges, options.ranges, options.smoothing, options.headroom)
    )
    if not options.store_all:
        graph = check(reversible(graph))

    def program(step: Graph, replay: int) -> Program:
        if knowledge is None:
            return plan(step)
        step = check(accept(check(imprint(step, knowledge.prior))))
        if options.rows:
            step = check(rowwise(step))
        varied = options.train == ROOM
        return plan(step, knowledge.memories, replay, varied=varied)

    def cost(step: Graph) -> int:
        return program(step, replay=0).ram_bytes

    step = check(select(graph, options.train, contributions, cost))
    return program(check(narrow(step, options.narrow)), options.replay)


def training_graph(
    model: QuantizedModel,
    rate: float,
    options: Options | None = None,
    knowledge: Knowledge | None = None,
) -> Graph:
    """Quantized model -> training step with dynamic ranges, all weights trained."""
    graph, rates = check(lower(model)), {}
    if knowledge and options:
        rates = learning_rates(graph, knowledge.prior, options.body_rate)
    return check(autodiff(graph, len(model.model.labels), rate, rates))
