# SPDX-License-Identifier: Apache-2.0
"""Mean or maximum of a sliding window, without the padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np

from myna.layers.base import Attributes, Example, Floats, Layer, LayerType, Shape, Weights
from myna.layers.lowering import Lowering
from myna.layers.window import TILE_MAX, WINDOW_MAX, lowered_window, window_of, window_shape
from myna.ops.max_pool import MaxPool
from myna.ops.pool import AveragePool


class Pool(LayerType):
    """What both have in common."""

    attributes = frozenset({"pool", "strides", "padding"})
    same_scale = True
    tile_max: ClassVar[int] = WINDOW_MAX
    integer_op: ClassVar[type[AveragePool | MaxPool]]

    def shape(self, attrs: Attributes, inputs: Sequence[Shape]) -> Shape:
        """See `LayerType`."""
        return window_shape(attrs, "pool", inputs)

    def lower(self, lowering: Lowering, layer: Layer) -> None:
        """See `LayerType`."""
        x = lowering.source(layer.inputs[0])
        op = self.integer_op(lowered_window(lowering, layer, "pool", x, self.tile_max))
        lowering.emit(layer.name, op, [x.name], lowering.quant(layer.name))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        """See `LayerType`."""
        for pool, strides, padding in (((2, 2), (2, 2), "valid"), ((3, 2), (2, 1), "same")):
            yield Example({"pool": pool, "strides": strides, "padding": padding}, ((8, 7, 3),))


class AveragePoolLayer(Pool):
    """Means."""

    op = "average_pool"
    tile_max = TILE_MAX
    integer_op = AveragePool

    def forward(self, layer: Layer, inputs: Sequence[Floats], weights: Weights) -> Floats:
        """See `LayerType`."""
        x = inputs[0]
        window = window_of(layer.attrs, "pool", x.shape)
        total, count = (window.views(v).sum(axis=(2, 3)) for v in (x, np.ones_like(x)))
        return np.asarray(total / count)


class MaxPoolLayer(Pool):
    """Maxima."""

    op = "max_pool"
    integer_op = MaxPool

    def forward(self, layer: Layer, inputs: Sequence[Floats], weights: Weights) -> Floats:
        """See `LayerType`."""
        window = window_of(layer.attrs, "pool", inputs[0].shape)
        return np.asarray(window.views(inputs[0], fill=-np.inf).max(axis=(2, 3)))
