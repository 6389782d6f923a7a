# SPDX-License-Identifier: Apache-2.0
"""Where the runtime finds what it knows by name: fields of `struct myna_model`."""

from __future__ import annotations

from myna.codegen.render import Address
from myna.learn.user import full
from myna.names import (
    CENTER,
    CLASSES,
    CODE,
    CODEWORD,
    CORRELATION,
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
from myna.ops.codeword import CodewordLoss
from myna.passes.memory.plan import Program
from myna.passes.training.imprint import embedding_of, has_head

NULL = "NULL"  # what the program cannot
STATE = "state"  # the variable
STORED = "stored"  # where a secret lies behind it: both


def state_variable(program: Program) -> str:
    """The state, in C."""
    return f"{STORED}.{STATE}" if CODE in program.graph.tensors else STATE


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
        "user": _user(program, address),
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
    tensor = embedding_of(program.graph)
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


def _user(program: Program, address: Address) -> dict[str, object]:
    """What tells the user by a codeword."""
    graph = program.graph
    has, draws = CODEWORD in graph.tensors, CODE in graph.tensors
    losses = (node.op for node in graph.nodes if isinstance(node.op, CodewordLoss))
    most = sum(full(loss, graph.tensors[CODEWORD].size) for loss in losses) if has else 0
    return {
        "codeword": address(CODEWORD) if has else NULL,
        "code_rows": address(CODE) if draws else NULL,
        "code_bits": graph.tensors[CODE].shape[0] if draws else 0,
        "correlation": address(CORRELATION) if has else NULL,
        "correlation_full": most,
        "secret": f"&{STORED}.secret" if draws else NULL,
        "kept_bytes": f"sizeof({STORED if draws else STATE})",
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
