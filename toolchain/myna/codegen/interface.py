# SPDX-License-Identifier: Apache-2.0
"""Where the runtime finds what it knows by name: fields of `struct myna_model`."""

from __future__ import annotations

from collections.abc import Callable

from myna.names import (
    CENTER,
    CLASSES,
    HALVINGS,
    LABEL,
    LOSS,
    OWNER,
    OWNER_SCORE,
    OWNER_THRESHOLD,
    SEED,
    SHOTS,
    SIMILARITY,
    STEP,
    THRESHOLD,
    TOTAL,
    TYPICAL,
    VOICE,
    VOICE_FEATURES,
)
from myna.passes.memory.plan import Program
from myna.passes.training.imprint import has_head, head_of

NULL = "NULL"  # what the program cannot
Address = Callable[[str], str]  # of a tensor, in C


def interface(program: Program, address: Address) -> dict[str, dict[str, object]]:
    """The fields, in groups as the template has them.

    Args:
        program: what the C runs.
        address: where a tensor of it is.
    """
    acceptance: dict[str, object] = {
        name: address(name) if name in program.graph.tensors else NULL
        for name in (SIMILARITY, TYPICAL, THRESHOLD)
    }
    return {
        "inputs": _inputs(program, address),
        "embedding": _embedding(program, address),
        "acceptance": acceptance,
        "voice": _voice(program, address),
    }


def _inputs(program: Program, address: Address) -> dict[str, object]:
    """What the runtime sets and reads in every step."""
    found: dict[str, object] = {name: address(name) for name in (LOSS, STEP, SEED)}
    if CLASSES not in program.graph.tensors:
        return found | {LABEL: "&label", CLASSES: "&classes"}
    return found | {name: address(name) for name in (LABEL, CLASSES)}


def _embedding(program: Program, address: Address) -> dict[str, object]:
    """The input of the head, and what imprinting reads."""
    if not has_head(program.graph):
        parts = ("address", "center", "total", "shots", "halvings", "imprint")
        return {"size": 0, "zero": 0, **dict.fromkeys(parts, NULL)}
    tensor = program.graph.tensors[head_of(program.graph).inputs[0]]
    able = TOTAL in program.graph.tensors
    return {
        "address": address(tensor.name),
        "size": tensor.size,
        "zero": tensor.zero_point,
        "center": address(CENTER) if able else NULL,
        "total": address(TOTAL) if able else NULL,
        "shots": address(SHOTS) if able else NULL,
        "halvings": address(HALVINGS) if able else NULL,
        "imprint": "imprint" if able else NULL,
    }


def _voice(program: Program, address: Address) -> dict[str, object]:
    """What scores the owner's voice."""
    able = bool(program.voice_nodes)
    parts = {
        "voice_features": VOICE_FEATURES,
        "voice": VOICE,
        "owner_score": OWNER_SCORE,
        "owner_templates": OWNER,
        "owner_threshold": OWNER_THRESHOLD,
    }
    return {
        "score_voice": "score_voice" if able else NULL,
        "voice_size": program.graph.tensors[VOICE].size if able else 0,
        **{part: address(name) if able else NULL for part, name in parts.items()},
    }
