# SPDX-License-Identifier: Apache-2.0
"""In-hindsight gradient ranges: replace the measuring run of every gradient by a tracked range.

Source: Fournarakis & Nagel, "In-Hindsight Quantization Range Estimation for Quantized Training"
(CVPRW 2021). The *relative* form tracks a range as a multiple of the loss gradient's scale, which
is known exactly before the backward pass begins: it follows the swings from sample to sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import numpy as np

from myna import fixed
from myna.errors import MynaError
from myna.ir import Array, Builder, Graph, Kind, Node
from myna.names import LABEL, LOSS_SCALE, ONE, TRACKED
from myna.ops.base import GradOp, pair, pair_tensor
from myna.ops.ranges import DynamicScale, HindsightScale, RangeUpdate
from myna.passes.execute import execute

SMALLEST = 2.0**-30  # a range of zero could never grow again


class RangeMode(StrEnum):
    """How the scale of a gradient is found."""

    RELATIVE = "relative"
    PLAIN = "plain"
    DYNAMIC = "dynamic"


def hindsight(
    graph: Graph,
    ranges: Mapping[str, float],
    mode: RangeMode,
    smoothing: float = 0.9,
    headroom: float = 2.0,
) -> Graph:
    """Give every gradient a range from earlier steps.

    Args:
        graph: training step with dynamic ranges, as autodiff leaves it.
        ranges: first range per gradient, from ``calibrate``.
        mode: DYNAMIC returns the graph unchanged.
        smoothing: η of the moving average.
        headroom: factor between the average peak and the largest value that can be represented.

    Raises:
        MynaError: a gradient has no first range, or smoothing and headroom cannot track one.
    """
    if mode is RangeMode.DYNAMIC:
        return graph
    build = Builder(graph)
    build.nodes = []
    base = LOSS_SCALE if mode is RangeMode.RELATIVE else build.const(ONE, pair_tensor(1.0))
    update = RangeUpdate.of(smoothing, headroom)
    gradients = set(dynamic_gradients(graph))
    measuring = {f"{name}.{part}" for name in gradients for part in ("probe_range", "measure")}
    for node in graph.nodes:
        if node.name in measuring:
            continue
        if isinstance(node.op, DynamicScale):
            name = node.outputs[0].removesuffix(".scale")
            if name not in ranges:
                raise MynaError(
                    f"has no first range of gradient {name}",
                    where=f"model {graph.name}",
                    fix="run `myna quantize` on the model's folder, or import it again",
                )
            tracked = pair_tensor(float(max(ranges[name], SMALLEST) * headroom))
            build.state(name + TRACKED, tracked)
            build.node(node.name, HindsightScale(), (name + TRACKED, base), node.outputs)
            continue
        build.nodes.append(node)
        if node.name in gradients:
            track = (base, node.outputs[1], node.name + TRACKED)
            build.node(f"{node.name}.track", update, track, (node.name + TRACKED,))
    return build.build().with_nodes(build.nodes)


def calibrate(
    graph: Graph, samples: Iterable[tuple[Array, int]], mode: RangeMode
) -> dict[str, float]:
    """Average scale of every gradient over a few steps, from the graph with dynamic ranges.

    Args:
        graph: training step as autodiff leaves it.
        samples: features (int8) and label of each step; the weights stay as they are.
        mode: RELATIVE measures scales as multiples of the loss gradient's.
    """
    names, source = dynamic_gradients(graph), graph.of_kind(Kind.INPUT)[0].name
    found: dict[str, list[float]] = {name: [] for name in names}
    # every run begins at the initial state: what only changes that is left out
    measuring = graph.with_nodes(n for n in graph.nodes if set(n.outputs) - set(n.updates))
    for features, label in samples:
        inputs = {source: features, LABEL: np.array([label], np.int32)}
        values = execute(measuring, inputs)
        base = fixed.pair_to_float(pair(values[LOSS_SCALE]))
        if base == 0:
            continue
        for name in names:
            scale = fixed.pair_to_float(pair(values[f"{name}.scale"]))
            found[name].append(scale / base if mode is RangeMode.RELATIVE else scale)
    return {n: max(float(np.mean(s)), SMALLEST) if s else 1.0 for n, s in found.items()}


def dynamic_gradients(graph: Graph) -> list[str]:
    """The gradients whose range is measured before they are quantized."""
    scales = {n.outputs[0] for n in graph.nodes if isinstance(n.op, DynamicScale)}
    return [n.name for n in graph.nodes if isinstance(n.op, GradOp) and _own_scale(n) in scales]


def _own_scale(node: Node) -> str:
    return node.inputs[-1]
