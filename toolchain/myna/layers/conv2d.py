# SPDX-License-Identifier: Apache-2.0
"""Convolution; weights [kh, kw, cin, cout], as int8 [cout, kh, kw, cin]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from myna.ir import Operation, Tensor
from myna.layers.base import Attributes, Example, Floats, Layer, Shape
from myna.layers.lowering import Lowering
from myna.layers.weighted import Weighted
from myna.layers.window import lowered_window, window_of, window_shape
from myna.ops.conv2d import Conv2D


class Conv2DLayer(Weighted):
    """Sums over a window and all channels."""

    op = "conv2d"
    attributes = frozenset({"filters", "kernel", "strides", "padding", "activation"})

    def shape(self, attrs: Attributes, inputs: Sequence[Shape]) -> Shape:
        """See `LayerType`."""
        return window_shape(attrs, "kernel", inputs, attrs["filters"])

    def weight_shape(self, attrs: Attributes, inputs: Sequence[Shape]) -> Shape:
        """See `Weighted`."""
        return (*attrs["kernel"], inputs[0][-1], attrs["filters"])

    def linear(self, attrs: Attributes, x: Floats, w: Floats) -> Floats:
        """See `Weighted`."""
        window = window_of(attrs, "kernel", x.shape)
        products = window.columns(x) @ w.reshape(-1, w.shape[3])
        return np.asarray(products.reshape(*window.output(*x.shape[:2]), -1))

    def integer_op(
        self, lowering: Lowering, layer: Layer, x: Tensor, limits: dict[str, Any]
    ) -> Operation:
        """See `Weighted`."""
        return Conv2D(**limits, window=lowered_window(lowering, layer, "kernel", x))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        """See `LayerType`."""
        for kernel, strides, padding, activation in (
            ((3, 3), (1, 1), "same", "linear"),
            ((1, 1), (1, 1), "valid", "relu"),
            ((4, 2), (2, 1), "same", "relu6"),
        ):
            attrs = {"filters": 6, "kernel": kernel, "strides": strides, "padding": padding}
            yield Example({**attrs, "activation": activation}, ((9, 7, 3),))
