# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolution; weights [kh, kw, c], in floats and in int8."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from myna.ir import Operation, Tensor
from myna.layers.base import Attributes, Example, Floats, Layer, Shape
from myna.layers.lowering import Lowering
from myna.layers.weighted import Weighted
from myna.layers.window import lowered_window, window_of, window_shape
from myna.ops.depthwise import DepthwiseConv2D


class DepthwiseConv2DLayer(Weighted):
    """Sums over a window, each channel by itself."""

    op = "depthwise_conv2d"
    attributes = frozenset({"kernel", "strides", "padding", "activation"})
    channel_axis = -1

    def shape(self, attrs: Attributes, inputs: Sequence[Shape]) -> Shape:
        """See `LayerType`."""
        return window_shape(attrs, "kernel", inputs)

    def weight_shape(self, attrs: Attributes, inputs: Sequence[Shape]) -> Shape:
        """See `Weighted`."""
        return (*attrs["kernel"], inputs[0][-1])

    def linear(self, attrs: Attributes, x: Floats, w: Floats) -> Floats:
        """See `Weighted`."""
        window = window_of(attrs, "kernel", x.shape)
        padded = window.pad(x)
        products = [window.tap(padded, *tap) * w[tap] for tap in window.taps()]
        return np.asarray(np.sum(products, axis=0))

    def integer_op(
        self, lowering: Lowering, layer: Layer, x: Tensor, limits: dict[str, Any]
    ) -> Operation:
        """See `Weighted`."""
        return DepthwiseConv2D(**limits, window=lowered_window(lowering, layer, "kernel", x))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        """See `LayerType`."""
        for kernel, strides, padding, activation in (
            ((3, 3), (1, 1), "same", "relu"),
            ((5, 1), (2, 2), "valid", "linear"),
        ):
            attrs = {"kernel": kernel, "strides": strides, "padding": padding}
            yield Example({**attrs, "activation": activation}, ((9, 7, 4),))
