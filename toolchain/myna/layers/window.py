# SPDX-License-Identifier: Apache-2.0
"""What layers share that slide a window over a map: "kernel" or "pool", "strides", "padding"."""

from __future__ import annotations

from collections.abc import Sequence

from myna.ir import Tensor
from myna.layers.base import Attributes, Layer, Shape, a_map
from myna.layers.lowering import Lowering
from myna.ops.window import Window

PADDINGS = ("same", "valid")
WINDOW_MAX = 255  # struct window of firmware/kernels/window.h
TILE_MAX = 0xFFFF  # where a kernel has a way of its own for windows side by side


def window_shape(
    attrs: Attributes, key: str, inputs: Sequence[Shape], channels: int | None = None
) -> Shape:
    """Shape of the map that windows make; channels are the input's unless there are others.

    Raises:
        ValueError: no window fits the input.
    """
    height, width, depth = a_map(inputs)
    rows, columns = (
        -(-size // stride) if attrs["padding"] == "same" else (size - span) // stride + 1
        for size, span, stride in zip((height, width), attrs[key], attrs["strides"], strict=True)
    )
    if min(rows, columns) < 1:
        raise ValueError(f"window {attrs[key]} does not fit {inputs[0]}")
    return (rows, columns, depth if channels is None else channels)


def window_of(attrs: Attributes, key: str, shape: Sequence[int]) -> Window:
    """The window over a map [height, width, ...]."""
    kernel, strides = tuple(attrs[key]), tuple(attrs["strides"])
    return Window.of((shape[0], shape[1]), kernel, strides, attrs["padding"])


def lowered_window(
    lowering: Lowering, layer: Layer, key: str, x: Tensor, tile_max: int = WINDOW_MAX
) -> Window:
    """The window of an integer op.

    Args:
        lowering: the pass.
        layer: whose window it is.
        key: "kernel" or "pool".
        x: the input.
        tile_max: the largest window if windows lie side by side.

    Raises:
        MynaError: the kernels cannot describe it.
    """
    kernel, strides = tuple(layer.attrs[key]), tuple(layer.attrs["strides"])
    window = window_of(layer.attrs, key, x.shape)
    most = tile_max if window.tiles else WINDOW_MAX
    if max(*kernel, *strides) > most:
        what = f"has a window of {kernel} with strides {strides}, beyond {most}"
        raise lowering.fail(layer.name, what, "use a smaller window")
    return window
