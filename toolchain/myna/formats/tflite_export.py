# SPDX-License-Identifier: Apache-2.0
"""A forward graph as a .tflite file, which TFLite-Micro runs with the same result, byte for byte.

Batch 1. What each op becomes is in `myna.formats`. Source of the format: TensorFlow Lite's schema,
version 3; of the operators' versions: TensorFlow's op_version.cc.
"""

from __future__ import annotations

from collections.abc import Mapping

from myna.formats.table import TO_TFLITE
from myna.ir import Graph, Kind
from myna.tflite.writer import Writer, unequal


def write(
    graph: Graph,
    *,
    softmax: bool = False,
    description: str = "",
    metadata: Mapping[str, bytes] | None = None,
) -> bytes:
    """The bytes of a .tflite file.

    Args:
        graph: forward graph; its inputs and outputs become the file's, with a batch of 1 in front.
        softmax: whether its only output, the logits, becomes probabilities.
        description: what a viewer shows.
        metadata: named blocks that interpreters skip.

    Raises:
        MynaError: TensorFlow Lite has no operator that computes the same as one of the graph's.
    """
    writer = Writer(graph)
    inputs = [writer.value(tensor.name) for tensor in graph.of_kind(Kind.INPUT)]
    for node in graph.nodes:
        if type(node.op) not in TO_TFLITE:
            raise unequal(node, type(node.op).__name__)
        TO_TFLITE[type(node.op)](writer, node)
    outputs = [writer.softmax(n) if softmax else writer.value(n) for n in graph.outputs]
    return writer.file(inputs, outputs, description, metadata or {})
