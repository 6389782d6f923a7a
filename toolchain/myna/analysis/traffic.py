# SPDX-License-Identifier: Apache-2.0
"""Bytes that a training step moves to quantize its gradients: dynamic ranges against in-hindsight.

Counted as we read Fournarakis & Nagel, "In-Hindsight Quantization Range Estimation for Quantized
Training" (CVPRW 2021), who compare layers on an accelerator whose operands and results pass memory
once. For a gradient of n elements that is computed from operands (int8 weights and incoming
gradients) of m bytes

* a range known before moves ``m + n``: the operands are read, int8 results are written;
* a range that depends on the results moves ``m + 8n + n``: int32 accumulators are written first,
  and read back when their peak is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from myna.ir import Graph, Node
from myna.ops.base import GradOp

ACCUMULATOR = 4  # bytes


@dataclass(frozen=True)
class Gradient:
    """One quantized gradient.

    Attributes:
        name: the tensor; ``d_x`` is the gradient of ``x``.
        operands: bytes of incoming gradients and weights.
        elements: of the gradient, int8.
    """

    name: str
    operands: int
    elements: int

    @property
    def bytes_hindsight(self) -> int:
        """Moved where the range is known before."""
        return self.operands + self.elements

    @property
    def bytes_dynamic(self) -> int:
        """Moved where accumulators wait for their peak."""
        return self.bytes_hindsight + 2 * ACCUMULATOR * self.elements

    @property
    def bytes_twice(self) -> int:
        """Moved by ``--ranges dynamic``, which has no room for accumulators: the op runs twice."""
        return 2 * self.bytes_hindsight

    @property
    def reduction(self) -> float:
        """Percent of the bytes that ranges in hindsight save against dynamic ones."""
        return reduction([self])


def gradients(graph: Graph) -> list[Gradient]:
    """The quantized gradients of a training step with ranges in hindsight, in order."""
    return [_gradient(graph, node) for node in graph.nodes if isinstance(node.op, GradOp)]


def reduction(moved: Sequence[Gradient]) -> float:
    """Percent of the bytes that ranges in hindsight save over some gradients."""
    dynamic = sum(gradient.bytes_dynamic for gradient in moved)
    return 100 * (1 - sum(gradient.bytes_hindsight for gradient in moved) / dynamic)


def quantization_alone(moved: Sequence[Gradient]) -> float:
    """The same without the operands: what becomes of the results, ``n`` against ``9n``."""
    return reduction([Gradient(g.name, 0, g.elements) for g in moved])


def _gradient(graph: Graph, node: Node) -> Gradient:
    inputs = (graph.tensors[name] for name in node.inputs)
    operands = sum(tensor.nbytes for tensor in inputs if tensor.dtype == "int8")
    return Gradient(node.outputs[0], operands, graph.tensors[node.outputs[0]].size)
