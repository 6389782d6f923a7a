# SPDX-License-Identifier: Apache-2.0
"""Words missed against false accepts per hour, of a result of the protocol *stream*."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from myna.report.picture import BLUE, ORANGE, save_picture
from myna.report.results import Result, read_result

GREY = "#777777"
Curve = Mapping[str, Mapping[str, float | None]]


def read_curves(path: Path) -> dict[str, Any]:
    """Title, and curves by name.

    Raises:
        MynaError: the file is no result of this protocol.
    """
    return read_result(path, _curves, "of myna evaluate --protocol stream")


def draw_det(found: Mapping[str, Any], path: Path) -> None:
    """The detection error tradeoff as a PNG file.

    Args:
        found: of `read_curves`.
        path: to write.

    Raises:
        MynaError: the file cannot be written.
    """
    figure = Figure(figsize=(7, 4.5), dpi=130, layout="constrained")
    axes = figure.subplots()
    for (name, curve), color in zip(found["curves"].items(), (BLUE, ORANGE, GREY), strict=False):
        _draw(axes, name, curve, color)
    axes.set_xscale("log")
    axes.set_xlabel("false accepts of a word per hour")
    axes.set_ylabel("recordings missed (%)")
    axes.set_ylim(0, 100)
    axes.grid(alpha=0.25, which="both")
    axes.legend()
    figure.suptitle(found["title"], fontsize=11)
    save_picture(figure, path)


def _draw(axes: Axes, name: str, curve: Curve, color: str) -> None:
    rates = sorted(curve, key=float)
    x = [float(rate) for rate in rates]
    means = [float(curve[rate]["mean"] or 0) for rate in rates]
    halves = [float(curve[rate]["ci95"] or 0) for rate in rates]
    axes.plot(x, means, "o-", color=color, label=name)
    low, high = ([m + s * h for m, h in zip(means, halves, strict=True)] for s in (-1, 1))
    axes.fill_between(x, low, high, color=color, alpha=0.15)


def _curves(result: Result) -> dict[str, Any]:
    curves = {"detector": result["curve"], "single windows": result["baseline"]["curve"]}
    if result["before"] is not None:
        curves["single windows, nothing learned"] = result["before"]["curve"]
    title = (
        f"{Path(result['model']).name}: {', '.join(result['words'])}, {result['shots']} takes, "
        f"{result['negative_hours']:.1f} hours of other sound"
    )
    return {"title": title, "curves": curves}
