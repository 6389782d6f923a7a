# SPDX-License-Identifier: Apache-2.0
"""Margins of zeros around a map: rows above and below, columns left and right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from myna.layers.base import Attributes, Example, Floats, Layer, LayerType, Shape, Weights, a_map
from myna.layers.lowering import Lowering
from myna.ops.pad import Pad


class PadLayer(LayerType):
    """[h, w, c] -> [top + h + bottom, left + w + right, c]."""

    op = "pad"
    attributes = frozenset({"margins"})
    same_scale = True

    def shape(self, attrs: Attributes, inputs: Sequence[Shape]) -> Shape:
        """See `LayerType`."""
        height, width, channels = a_map(inputs)
        top, bottom, left, right = attrs["margins"]
        if min(attrs["margins"]) < 0:
            raise ValueError(f"margins {attrs['margins']} are negative")
        return (height + top + bottom, width + left + right, channels)

    def forward(self, layer: Layer, inputs: Sequence[Floats], weights: Weights) -> Floats:
        """See `LayerType`."""
        top, bottom, left, right = layer.attrs["margins"]
        return np.pad(inputs[0], ((top, bottom), (left, right), (0, 0)))

    def lower(self, lowering: Lowering, layer: Layer) -> None:
        """See `LayerType`."""
        top, bottom, left, right = layer.attrs["margins"]
        own = lowering.quant(layer.name)
        op = Pad((top, bottom, left, right), own.zero_point)
        lowering.emit(layer.name, op, [lowering.source(layer.inputs[0]).name], own)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        """See `LayerType`."""
        yield Example({"margins": [1, 0, 2, 3]}, ((4, 5, 3),))
