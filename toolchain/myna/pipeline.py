# SPDX-License-Identifier: Apache-2.0
"""The whole compiler on one screen, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from myna.check import check
from myna.ir import Graph
from myna.passes.autodiff import autodiff
from myna.passes.hindsight import RangeMode, hindsight
from myna.passes.lower import lower
from myna.passes.plan import Program, plan
from myna.passes.quantize import QuantizedModel
from myna.passes.reversible import reversible
from myna.passes.select import select


@dataclass(frozen=True)
class Options:
    """What a user may choose about the training step.

    Attributes:
        train: which tensors to train, see ``passes.select``.
        ranges: how gradient scales are found.
        store_all: keep every activation instead of inverting reversible blocks.
        smoothing, headroom: of in-hindsight ranges.
        rate: initial learning rate.
    """

    train: str = "all"
    ranges: RangeMode = RangeMode.RELATIVE
    store_all: bool = False
    smoothing: float = 0.9
    headroom: float = 2.0
    rate: float = 0.02


def compile_model(
    model: QuantizedModel, gradient_ranges: Mapping[str, float], options: Options
) -> Program:
    """Quantized model -> training program.

    Args:
        model: result of ``quantize``.
        gradient_ranges: first range of every gradient, from ``hindsight.calibrate``.
        options: the user's choices.
    """
    graph = training_graph(model, options.rate)
    graph = check(
        hindsight(graph, gradient_ranges, options.ranges, options.smoothing, options.headroom)
    )
    if not options.store_all:
        graph = check(reversible(graph))
    return plan(check(select(graph, options.train)))


def training_graph(model: QuantizedModel, rate: float) -> Graph:
    """Quantized model -> training step with dynamic ranges, all weights trained."""
    return check(autodiff(check(lower(model)), len(model.model.labels), rate))
