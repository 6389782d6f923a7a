# SPDX-License-Identifier: Apache-2.0
"""The picture of kernels: work done per instruction, over work per byte moved.

A roofline (Williams et al. 2009) without time, which the emulator does not model: the roofs are one
multiply-accumulate per instruction and the core's widest one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from myna.bench.result import Kernel
from myna.report.picture import BLUE, ORANGE, save_picture

# Where the names of a layer's three passes stand, so that they do not cover each other.
PLACES = {
    "forward": ((6, -10), "left"),
    "grad_input": ((6, 4), "left"),
    "update": ((-6, 4), "right"),
}
ROOFS = ((1, "one MAC an instruction"), (2, "SMLAD: two"), (16, "VMLADAVA: sixteen"))


def draw_roofline(kernels: Sequence[Kernel], title: str, path: Path) -> None:
    """Kernels that multiply, by MACs per byte loaded and stored and by MACs per instruction.

    Args:
        kernels: counted; those without MACs are left out.
        title: above the picture.
        path: a PNG file to write.

    Raises:
        MynaError: the file cannot be written.
    """
    figure = Figure(figsize=(8, 5), dpi=130, layout="constrained")
    axes = figure.subplots()
    for kernel in (k for k in kernels if k.macs):
        moved = kernel.count.loaded + kernel.count.stored
        x, y = kernel.macs / moved, kernel.macs / kernel.count.instructions
        axes.loglog(x, y, "o", color=BLUE)
        offset, side = PLACES.get(kernel.name.rpartition(" ")[2], ((6, 4), "left"))
        axes.annotate(kernel.name, (x, y), offset, textcoords="offset points", fontsize=8, ha=side)
    axes.margins(x=0.2)
    best = max(k.macs / k.count.instructions for k in kernels if k.macs)
    for height, name in ROOFS:
        if height <= 8 * best:
            axes.axhline(height, color=ORANGE, linewidth=1)
            axes.annotate(
                name,
                (0.01, height),
                (4, 2),
                ("axes fraction", "data"),
                textcoords="offset points",
                fontsize=8,
                color=ORANGE,
            )
    axes.set_xlabel("multiply-accumulates per byte loaded or stored")
    axes.set_ylabel("multiply-accumulates per instruction")
    axes.set_title(title)
    axes.grid(alpha=0.25, which="both")
    save_picture(figure, path)
