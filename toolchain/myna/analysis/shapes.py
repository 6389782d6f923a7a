# SPDX-License-Identifier: Apache-2.0
"""Training steps of published shapes: compiled like models, with made-up weights and ranges."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from myna.errors import MynaError
from myna.frontend.mobilenet import FIRST_STAGE
from myna.frontend.model import FloatModel, shapes, weight_shapes
from myna.ir import Graph, Kind, Quant
from myna.passes.check import check
from myna.passes.lowering.quantize import QuantizedModel, quantize
from myna.passes.memory.plan import Program, plan
from myna.passes.memory.recompute import recompute
from myna.passes.memory.reversible import reversible
from myna.passes.pipeline import Options, training_graph
from myna.passes.training.hindsight import dynamic_gradients, hindsight
from myna.passes.training.select import MEASURED, select

RANGE = (-6.0, 6.0)  # any will do, as any weights will: nobody looks at the numbers
REACH = 48  # nodes; more than the backward pass of a group takes, less than between two parts


def shape_program(shape: FloatModel, options: Options) -> Program:
    """The training step of an architecture without weights.

    Unless ``options.store_all`` is set, blocks are inverted, and what MobileNetV2's stem and first
    block make, whose streams nobody keeps, is recomputed from the image.

    Raises:
        MynaError: ``options.ram`` is set, or the plan of what to train asks for contributions.
    """
    if options.ram is not None:
        raise MynaError("cannot be fitted into a budget", where=shape.name, fix="omit --ram")
    if MEASURED.fullmatch(options.train):
        raise MynaError(
            f"a shape has no measured contributions, which --train {options.train} chooses by",
            where=shape.name,
            fix="use --train all, head, bias, last-K or tensor names",
        )
    model = synthetic(shape)
    graph = training_graph(model, options.rate)
    ranges = dict.fromkeys(dynamic_gradients(graph), 1.0)
    graph = hindsight(graph, ranges, options.ranges, options.smoothing, options.headroom)
    graph = check(select(graph, options.train))
    if not options.store_all:
        graph = check(reversible(graph))
        graph = check(recompute(graph, dict.fromkeys(_first_stage(graph), REACH)))
    return plan(graph)


def synthetic(model: FloatModel) -> QuantizedModel:
    """An architecture with random weights and the same range everywhere."""
    rng = np.random.default_rng(0)
    arrays = {n: rng.normal(0, 0.2, s).astype(np.float32) for n, s in weight_shapes(model).items()}
    trained = FloatModel(**{**vars(model), "weights": arrays})
    ranges: Mapping[str, tuple[float, float]] = dict.fromkeys(shapes(model), RANGE)
    return quantize(trained, ranges, Quant((RANGE[1] / 127,), 0), len(model.labels))


def _first_stage(graph: Graph) -> list[str]:
    return [t.name for t in graph.of_kind(Kind.VALUE) if t.name.startswith(FIRST_STAGE)]
