# SPDX-License-Identifier: Apache-2.0
"""The picture of what to train: accuracy against what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

KB = 1 / 1024


def draw_tradeoff(parts: Sequence[Mapping[str, Any]], path: Path) -> None:
    """New and known words against RAM, and new words against computation, by plan and shots.

    Args:
        parts: of a comparison what-to-train.
        path: a PNG file to write.
    """
    figure = Figure(figsize=(12, 4.4), dpi=130, layout="constrained")
    panels = (
        ("new words (%)", "after", "RAM: arena and state (KB)", "ram", KB),
        ("known words (%)", "known_after", "RAM: arena and state (KB)", "ram", KB),
        ("new words (%)", "after", "MACs of a training step (millions)", "step_macs", 1e-6),
    )
    for axes, panel in zip(figure.subplots(1, 3), panels, strict=True):
        _draw_panel(axes, parts, *panel)
    figure.suptitle("What to train: accuracy after enrollment against its cost", fontsize=12)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _draw_panel(
    axes: Axes,
    parts: Sequence[Mapping[str, Any]],
    title: str,
    field: str,
    axis: str,
    cost: str,
    unit: float,
) -> None:
    colors = mpl.colormaps["viridis"](np.linspace(0.1, 0.85, len(parts)))
    for color, part in zip(colors, parts, strict=True):
        trials = sorted(part["trials"], key=lambda trial: int(trial[cost]))
        places = [trial[cost] * unit for trial in trials]
        percent = [trial[field]["mean"] for trial in trials]
        axes.plot(places, percent, "o-", color=color, alpha=0.85, label=f"{part['shots']} shots")
    axes.set_xlabel(axis)
    axes.set_ylabel(title)
    axes.grid(alpha=0.25)
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.25 * (high - low), high)  # room for the names
    for trial in parts[0]["trials"]:
        axes.annotate(
            trial["name"],
            (trial[cost] * unit, low),
            rotation=90,
            ha="center",
            va="top",
            fontsize=8,
        )
    axes.legend(fontsize=8)
