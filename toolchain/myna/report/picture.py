# SPDX-License-Identifier: Apache-2.0
"""Pictures of a training run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from myna.errors import MynaError
from myna.evaluation.verified_enrollment import LearningCurve

BLUE, ORANGE = "#1b6ca8", "#d1662c"


def draw_learning_curve(record: LearningCurve, title: str, epoch: int, path: Path) -> None:
    """Accuracy and loss over the training steps, and below the gradients' ranges, if any.

    Args:
        record: what happened.
        title: one or two lines.
        epoch: steps over which the loss is averaged.
        path: a PNG file to write.

    Raises:
        MynaError: the file cannot be written.
    """
    parts = 2 if record.ranges else 1
    figure = Figure(figsize=(9, 1 + 3 * parts), dpi=130, layout="constrained")
    axes = figure.subplots(parts, 1, sharex=True, squeeze=False)[:, 0]
    figure.suptitle(title, fontsize=12)
    _draw_learning(axes[0], record, epoch)
    if record.ranges:
        _draw_ranges(axes[1], record)
    axes[-1].set_xlabel("training step")
    save_picture(figure, path)


def save_picture(figure: Figure, path: Path) -> None:
    """Write a figure to a PNG file.

    Raises:
        MynaError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
    except (OSError, ValueError) as error:  # ValueError: matplotlib knows no such kind of file
        reason = error.strerror if isinstance(error, OSError) else error
        raise MynaError(
            f"cannot write the picture ({reason})",
            where=str(path),
            fix="name another file, whose name ends in .png",
        ) from error


def _draw_learning(axes: Axes, record: LearningCurve, epoch: int) -> None:
    steps, percent = zip(*record.tests, strict=True)
    axes.plot(steps, percent, "o-", color=BLUE, label="accuracy on takes not enrolled")
    axes.set_ylabel("accuracy (%)", color=BLUE)
    axes.set_ylim(-3, 103)
    axes.grid(alpha=0.25)
    losses = axes.twinx()
    count = np.arange(1, len(record.losses) + 1)
    losses.plot(count, record.losses, color=ORANGE, alpha=0.25, linewidth=0.8)
    losses.plot(
        count[epoch - 1 :],
        _moving_average(record.losses, epoch),
        color=ORANGE,
        label=f"loss, mean of {epoch} steps",
    )
    losses.set_ylabel("loss (nats)", color=ORANGE)
    losses.set_ylim(bottom=0)
    lines = [*axes.get_lines(), losses.get_lines()[1]]
    axes.legend(lines, [str(line.get_label()) for line in lines], loc="center right")


def _draw_ranges(axes: Axes, record: LearningCurve) -> None:
    colors = mpl.colormaps["viridis"](np.linspace(0, 0.92, max(len(record.ranges), 1)))
    for color, (name, values) in zip(colors, record.ranges.items(), strict=False):
        axes.plot(np.arange(1, len(values) + 1), values, color=color, linewidth=1, label=name)
    axes.set_yscale("log")
    axes.set_ylim(top=4 * axes.get_ylim()[1])  # room for the legend
    axes.set_ylabel("gradient range\n(multiple of the loss gradient's)")
    axes.grid(alpha=0.25, which="both")
    handles, names = axes.get_legend_handles_labels()
    chosen = range(0, len(names), -(-len(names) // 10))
    axes.legend(
        [handles[i] for i in chosen],
        [names[i] for i in chosen],
        fontsize=7,
        ncols=2,
        title="from the output back to the input",
        title_fontsize=7,
    )


def _moving_average(values: Sequence[float], width: int) -> np.ndarray:
    return np.convolve(values, np.full(width, 1 / width), "valid")
