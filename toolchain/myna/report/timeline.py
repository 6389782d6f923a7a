# SPDX-License-Identifier: Apache-2.0
"""Pictures of what lives when in the arena of a training step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from myna.analysis.memory import activations, peak_activations
from myna.passes.memory.place import Buffer
from myna.passes.memory.plan import Program
from myna.report.picture import BLUE, ORANGE, save_picture

LIGHT_BLUE, GREY = "#8fc1e3", "#b0b0b0"
KINDS = {
    "activations": BLUE,
    "activations computed again": LIGHT_BLUE,
    "gradients": ORANGE,
    "scales and counters": GREY,
}
SMALL = 64  # bytes; what is smaller is no map


def draw_memory(programs: Sequence[tuple[str, Program]], title: str, path: Path) -> None:
    """Each program's arena: one rectangle for a buffer, from first to last use, at its offset.

    Args:
        programs: and what to call them, drawn side by side at one scale.
        title: above all of them.
        path: a PNG file to write.

    Raises:
        MynaError: the file cannot be written.
    """
    figure = Figure(figsize=(6 * len(programs), 5.5), dpi=130, layout="constrained")
    figure.suptitle(title, fontsize=12)
    row = figure.subplots(1, len(programs), sharey=True, squeeze=False)[0]
    for axes, (name, program) in zip(row, programs, strict=True):
        _draw_arena(axes, program)
        kept = peak_activations(program)
        axes.set_title(f"{name}: activations {kept:,}, arena {program.arena_bytes:,} bytes")
    row[0].set_ylabel("bytes of the arena")
    row[0].yaxis.set_major_formatter("{x:,.0f}")
    row[0].set_ylim(bottom=0, top=1.02 * max(p.arena_bytes for _, p in programs))
    handles = [Patch(color=color, label=kind) for kind, color in KINDS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(KINDS))
    save_picture(figure, path)


def _draw_arena(axes: Axes, program: Program) -> None:
    found, edge = activations(program.graph), 60 / program.train_nodes
    boxes: dict[str, list[Rectangle]] = {kind: [] for kind in KINDS}
    for buffer in program.buffers:
        start, offset = max(buffer.start, 0), program.arena[buffer.tensors[0]]
        end = min(buffer.end + 1, program.train_nodes)
        box = Rectangle((start, offset), max(end - start, 0), buffer.size)
        boxes[_kind(program, buffer, found)].append(box)
    for kind, patches in boxes.items():
        axes.add_collection(
            PatchCollection(patches, facecolor=KINDS[kind], edgecolor="white", linewidth=edge)
        )
    axes.axvline(program.forward_nodes, color="black", linewidth=0.8, linestyle=":")
    axes.set_xlim(0, program.train_nodes)
    axes.set_xlabel("node of the training step (dotted: the loss)")


def _kind(program: Program, buffer: Buffer, found: frozenset[str]) -> str:
    activation, again = not found.isdisjoint(buffer.tensors), buffer.start > program.forward_nodes
    if activation:
        return "activations computed again" if again else "activations"
    return "gradients" if buffer.size >= SMALL else "scales and counters"
