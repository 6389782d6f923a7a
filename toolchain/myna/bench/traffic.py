# SPDX-License-Identifier: Apache-2.0
"""Bytes that the firmware's instructions load and store to make each gradient.

The dynamic mode of this project has no memory for accumulators and runs each op twice. Every load
of an instruction counts, also those of operands that a kernel reads again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from myna.bench.count import count_steps
from myna.ops.base import GradOp
from myna.passes.pipeline import Options
from myna.passes.training.hindsight import RangeMode
from myna.project import open_project

# What belongs to gradient d: d.measure, …, and d itself.
PARTS = ("", ".probe_range", ".measure", ".range", ".track")


@dataclass(frozen=True)
class Counted:
    """Bytes loaded and stored for one gradient, its range included."""

    name: str
    dynamic: int
    hindsight: int


def count_gradients(model: Path, board: str) -> list[Counted]:
    """Count a training step of a model, everything trained, in both modes of ranges.

    Args:
        model: its folder.
        board: name of an emulated board.

    Raises:
        MynaError: see `count_steps`.
    """
    dynamic, hindsight = (
        _moved(model, board, mode) for mode in (RangeMode.DYNAMIC, RangeMode.RELATIVE)
    )
    return [Counted(name, dynamic[name], hindsight[name]) for name in hindsight]


def counted_reduction(counted: Sequence[Counted]) -> float:
    """Percent of the bytes that ranges in hindsight save over some gradients."""
    return 100 * (1 - sum(c.hindsight for c in counted) / sum(c.dynamic for c in counted))


def _moved(model: Path, board: str, mode: RangeMode) -> dict[str, int]:
    project = open_project(model, Options(train="all", ranges=mode))
    program = project.program
    steps = count_steps(board, project.generated, program.forward_nodes, program.train_nodes)
    nodes = program.graph.nodes[: program.train_nodes]
    moved = {
        node.name: count.loaded + count.stored
        for node, count in zip(nodes, steps.train_step, strict=True)
    }
    names = [n.name for n in nodes if isinstance(n.op, GradOp) and not n.name.endswith(".measure")]
    return {name: sum(moved.get(name + part, 0) for part in PARTS) for name in names}
