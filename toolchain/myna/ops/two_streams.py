# SPDX-License-Identifier: Apache-2.0
"""A small network with all that `rows` can cut, for its test cases."""

from __future__ import annotations

import numpy as np

from myna.ir import Array, Node, Tensor
from myna.names import WRAPS
from myna.ops.base import Op
from myna.ops.conv2d import Conv2D
from myna.ops.coupling import Couple
from myna.ops.depthwise import DepthwiseConv2D
from myna.ops.layer import Layer
from myna.ops.pool import AveragePool
from myna.ops.requantize import Requantize
from myna.ops.window import Window

CHANNELS = 5
HALF = 1 << 30  # mantissa of a power of two
Layers = tuple[tuple[Node, ...], tuple[Tensor, ...], dict[str, Array]]


def two_streams(
    rng: np.random.Generator, i: int, shape: tuple[int, int, int], strides: tuple[int, int]
) -> Layers:
    """Two streams from one stem, one coupling, two means.

    Returns:
        The layers; the map x and what each layer makes; the constants by name.
    """
    window = Window.of(shape[:2], (4, 3), strides, "same")
    middle = (*window.output(*shape[:2]), CHANNELS)
    around = Window.of(middle[:2], (3, 3), (1, 1), "same")
    whole = Window(middle[:2], middle[:2])
    arrays: dict[str, Array] = {}

    def constants(name: str, weights: tuple[int, ...]) -> tuple[str, ...]:
        w = rng.integers(-127, 128, weights).astype(np.int8)
        parts = (w, *Layer.example_rest(rng, CHANNELS, w.size // CHANNELS))
        names = tuple(f"{name}.{part}" for part in ("w", "b", "mantissa", "shift"))
        arrays.update(zip(names, parts, strict=True))
        return names

    stem = ("x", *constants("stem", (CHANNELS, 4, 3, shape[2])))
    depthwise = ("b_in", *constants("dw", (3, 3, CHANNELS)))
    steps: tuple[tuple[str, Op, tuple[str, ...], str], ...] = (
        ("stem", Conv2D.example(i, window=window), stem, "int8"),
        ("a", _widen(7, 3), ("stem",), "int16"),
        ("b", _widen(6, 0), ("stem",), "int16"),
        ("b_in", _narrow(-4), ("b",), "int8"),
        ("dw", DepthwiseConv2D.example(i, window=around), depthwise, "int8"),
        ("sum", Couple(HALF, 7, 0), ("a", "dw", WRAPS), "int16"),
        ("sum_in", _narrow(-5), ("sum",), "int8"),
        ("mean_a", AveragePool(whole), ("sum_in",), "int8"),
        ("mean_b", AveragePool(whole), ("b_in",), "int8"),
    )
    nodes, maps = [], [Tensor("x", shape, "int8")]
    for name, op, inputs, dtype in steps:
        updated = (WRAPS,) if name == "sum" else ()
        nodes.append(Node(name, op, inputs, (name, *updated)))
        is_mean = isinstance(op, AveragePool)
        maps.append(Tensor(name, (1, 1, CHANNELS) if is_mean else middle, dtype))
    return tuple(nodes), tuple(maps), arrays


def _widen(shift: int, zero: int) -> Requantize:
    return Requantize("int8", "int16", HALF, shift, zero, 0, -32768, 32767)


def _narrow(shift: int) -> Requantize:
    return Requantize("int16", "int8", HALF, shift, 0, -128, -128, 127)
