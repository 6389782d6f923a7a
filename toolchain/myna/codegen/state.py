# SPDX-License-Identifier: Apache-2.0
"""What the runtime knows of a state's tensors: their bounds, and what boards share of them."""

from __future__ import annotations

from myna.codegen.text import identifier
from myna.learn.vector import Part, parts
from myna.passes.bounds import Bound, Form, bounds
from myna.passes.memory.plan import Program


def state_bounds(program: Program) -> list[str]:
    """The list that states are checked by; `struct myna_bound` of firmware/runtime/model.h."""
    return [_bound(program, bound) for bound in bounds(program)]


def state_parts(program: Program) -> list[str]:
    """The list of all that a state consists of; `struct myna_part` of the same file."""
    return [_part(part) for part in parts(program)]


def _bound(program: Program, bound: Bound) -> str:
    count = program.graph.tensors[bound.tensor].size // (2 if bound.form is Form.PAIR else 1)
    return f"{{{_place(bound.tensor)}, {count}, {bound.low}, {bound.high}, {bound.form.value}}}"


def _part(part: Part) -> str:
    residual = _place(part.residual) if part.residual else "0"
    numbers = f"{part.size}, {residual}, {part.low}, {part.high}"
    return f"{{{_place(part.tensor)}, {numbers}, {part.form.value}}}"


def _place(name: str) -> str:
    return f"offsetof(struct state, {identifier(name)})"
