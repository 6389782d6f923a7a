# SPDX-License-Identifier: Apache-2.0
"""Inference on rows that arrive, as C behind the model's own."""

from __future__ import annotations

from myna.codegen.interface import NULL
from myna.codegen.render import Address, call, declare, numbers
from myna.codegen.text import identifier
from myna.ir import Array, Kind
from myna.learn.templates import copy_bytes
from myna.passes.streaming.stream import StreamingProgram
from myna.passes.training.imprint import embedding_of, has_head

KEPT, ARENA = "stream_kept", "stream_arena"  # the variables
PREFIX = "s"  # of parameters; those of the model's own nodes begin with n


def render_streaming(
    streaming: StreamingProgram, of_model: Address, foils: Array, *, has_templates: bool
) -> dict[str, object]:
    """What the template needs.

    Args:
        streaming: the step.
        of_model: where the tensors of the program are that it was made of.
        foils: directions of any speech, int8 [n, inputs of the head].
        has_templates: whether it can listen for words: it can begin classes.
    """
    graph, arena, source = streaming.graph, streaming.arena, streaming.graph.of_kind(Kind.INPUT)[0]

    def address(name: str) -> str:
        kind = graph.tensors[name].kind
        if kind is Kind.CONST:
            return of_model(name)
        return f"{KEPT if kind is Kind.STATE else ARENA}.{identifier(name)}"

    values = [t for t in graph.tensors.values() if t.name in arena.offsets]
    return {
        "kept": [declare(graph.tensors[name]) for name in streaming.state],
        "tensors": [(declare(t), arena.offsets[t.name], identifier(t.name)) for t in values],
        "arena": arena,
        "nodes": [call(graph, node, address, PREFIX) for node in graph.nodes],
        "rows": address(source.name),
        "row_bytes": source.nbytes // streaming.period,
        "logits": address(graph.outputs[0]),
        "embedding": address(embedding_of(graph).name) if has_head(graph) else NULL,
        "copy_bytes": copy_bytes(streaming),
        "foils": numbers(foils),
        "foil_count": len(foils),
        "draft": "&arena.draft" if has_templates else NULL,
        "period": streaming.period,
        "warm_up": streaming.warm_up,
        "delay": streaming.delay,
    }
