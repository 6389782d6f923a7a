# SPDX-License-Identifier: Apache-2.0
"""What of a program's memory depends on the runtime: a recording lies in the arena."""

from __future__ import annotations

from math import prod

from myna.audio import config
from myna.ir import Graph, Kind, Node
from myna.ops.layer import Layer
from myna.passes.macs import UPDATES
from myna.passes.memory.plan import ALIGNMENT, Program, aligned

RECORDING = 3444  # of a recording, beside its features: struct myna_recording, firmware/runtime
RECORDED = (config.RECORDING - config.FRAME) // config.HOP + 1  # frames of it
UNION = 8  # alignment of the arena, which a recording lies in as well


def recording_bytes(graph: Graph) -> int:
    """Size of a recording with the features that the graph reads; a compiler checks it."""
    return aligned(RECORDING + RECORDED * feature_rows(graph)[1], UNION)


def feature_rows(graph: Graph) -> tuple[int, int]:
    """Rows of the input, and bytes of each; a flat input is one row."""
    shape = graph.of_kind(Kind.INPUT)[0].shape
    return (shape[0], prod(shape[1:])) if len(shape) > 1 else (1, shape[0])


def occupied(program: Program, *, has_front_end: bool, draft: int = 0) -> int:
    """Bytes of the arena on a board; if it hears, recordings lie there while the model rests.

    So does a template of a word while it is made, which takes `draft` bytes.
    """
    arena = aligned(program.arena_bytes, UNION if has_front_end else ALIGNMENT)
    return (
        max(arena, recording_bytes(program.graph), aligned(draft, UNION))
        if has_front_end
        else arena
    )


def trains_body(program: Program) -> bool:
    """Whether a step changes more than the last layer: embeddings are not what they were then."""
    step, last = program.graph.nodes[: program.train_nodes], last_layer(program)
    return any(isinstance(n.op, UPDATES) and last.inputs[1] not in n.outputs for n in step)


def last_layer(program: Program) -> Node:
    """The last one with weights: the head, if the network has one."""
    forward = program.graph.nodes[: program.forward_nodes]
    return next(node for node in reversed(forward) if isinstance(node.op, Layer))
