# SPDX-License-Identifier: Apache-2.0
"""The picture of what to train: accuracy of every plan, above what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from myna.report.picture import BLUE, ORANGE

Variants = Sequence[Mapping[str, Any]]
_MEMORY = ("arena", "state")
_WORK = ("step_macs", "rehearsal_macs")


def draw_tradeoff(parts: Sequence[Mapping[str, Any]], path: Path) -> None:
    """New and known words by plan and shots; below, memory and computation of each plan.

    Args:
        parts: of a comparison what-to-train.
        path: a PNG file to write.
    """
    figure = Figure(figsize=(10, 6.4), dpi=130, layout="constrained")
    grid = figure.subplots(2, 2, sharex=True, height_ratios=(3, 2))
    _draw_accuracy(grid[0][0], parts, "after", "new words (%)")
    _draw_accuracy(grid[0][1], parts, "known_after", "known words (%)")
    _draw_memory(grid[1][0], parts[0]["trials"])
    _draw_computation(grid[1][1], parts[0]["trials"])
    figure.suptitle("What to train: accuracy after enrollment, and its cost on the chip")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _draw_accuracy(axes: Axes, parts: Sequence[Mapping[str, Any]], field: str, name: str) -> None:
    colors = mpl.colormaps["viridis"](np.linspace(0.05, 0.8, len(parts)))
    for color, part in zip(colors, parts, strict=True):
        percent = [variant[field]["mean"] for variant in part["trials"]]
        shots = f"{part['shots']} shot{'s' if part['shots'] > 1 else ''}"
        axes.plot(range(len(percent)), percent, "o:", color=color, label=shots)
    axes.set_ylabel(name)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8)


def _draw_memory(axes: Axes, variants: Variants) -> None:
    arena, state = (np.array([variant[part] for variant in variants]) / 1024 for part in _MEMORY)
    places = _name_plans(axes, variants)
    axes.bar(places, arena, color=BLUE, label="arena")
    axes.bar(places, state, bottom=arena, color=ORANGE, label="state")
    axes.set_ylabel("RAM (KB)")
    axes.legend(fontsize=8)


def _draw_computation(axes: Axes, variants: Variants) -> None:
    step, rehearsal = (np.array([variant[part] for variant in variants]) / 1e6 for part in _WORK)
    places = _name_plans(axes, variants)
    axes.bar(places - 0.2, step, 0.4, color=BLUE, label="step on a clip")
    axes.bar(places + 0.2, rehearsal, 0.4, color=ORANGE, label="step on a memory")
    axes.set_ylabel("multiply-accumulates (millions)")
    axes.legend(fontsize=8)


def _name_plans(axes: Axes, variants: Variants) -> np.ndarray:
    places = np.arange(len(variants))
    axes.set_xticks(
        places, [variant["name"].replace(", ", "\n") for variant in variants], fontsize=7
    )
    return places
