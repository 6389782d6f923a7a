# SPDX-License-Identifier: Apache-2.0
"""Mean of a whole map, by channel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from myna.layers.base import Attributes, Example, Floats, Layer, LayerType, Shape, Weights, a_map
from myna.layers.lowering import Lowering
from myna.ops.mean import Mean


class MeanLayer(LayerType):
    """[h, w, c] -> [c], at a scale of its own."""

    op = "mean"

    def shape(self, attrs: Attributes, inputs: Sequence[Shape]) -> Shape:
        """See `LayerType`."""
        return a_map(inputs)[-1:]

    def forward(self, layer: Layer, inputs: Sequence[Floats], weights: Weights) -> Floats:
        """See `LayerType`."""
        return np.asarray(inputs[0].mean(axis=(0, 1)))

    def lower(self, lowering: Lowering, layer: Layer) -> None:
        """See `LayerType`."""
        x, own = lowering.source(layer.inputs[0]), lowering.quant(layer.name)
        positions = x.shape[0] * x.shape[1]
        lowering.multiplier(layer.name, x, own.scale[0], positions)
        assert x.quant is not None
        lowering.emit(layer.name, Mean.of(x.quant, own, positions), [x.name], own)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        """See `LayerType`."""
        yield Example({}, ((7, 5, 6),))
