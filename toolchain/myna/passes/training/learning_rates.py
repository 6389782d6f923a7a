# SPDX-License-Identifier: Apache-2.0
"""Learning rates of a network of which no examples say how fast it may learn."""

from __future__ import annotations

from myna.ir import Graph
from myna.ops.layer import Layer


def cautious_rates(graph: Graph, loss: str) -> dict[str, float]:
    """Factors with which a rate of 1 never overshoots in the last layer, for all that is trained.

    A step of rate r changes an output by r · |x|² times its gradient, x being the layer's input;
    the largest |x|² follows from the scale of x. Each output of a reconstruction has 2/n of its
    error for a gradient, n being their number, each that meets a codeword 1/n. All other layers get
    less, by the square of how many layers there are, since what each of them changes adds up:
    measured with autoencoders of two and six layers, of which the deep ones overshoot at the last
    layer's rate.

    Args:
        graph: forward graph.
        loss: one of `frontend.model.LOSSES`.
    """
    layers = [node for node in graph.nodes if isinstance(node.op, Layer)]
    x = graph.tensors[layers[-1].inputs[0]]
    reach = max(127 - x.zero_point, x.zero_point + 128) * x.scale
    outputs = graph.tensors[graph.outputs[0]].size
    share = {"classify": 1.0, "reconstruct": outputs / 2, "codeword": float(outputs)}
    factor = share[loss] / (x.size * reach**2)
    body = 1 / len(layers) ** 2
    return {
        name: factor * (1.0 if node is layers[-1] else body)
        for node in layers
        for name in node.inputs[1:3]
    }
