# SPDX-License-Identifier: Apache-2.0
"""The same values in another shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from myna.layers.base import Attributes, Example, Floats, Layer, LayerType, Shape, Weights
from myna.layers.lowering import Lowering
from myna.ops.reshape import Reshape


class ReshapeLayer(LayerType):
    """To a given shape."""

    op = "reshape"
    attributes = frozenset({"shape"})
    same_scale = True
    streams = 1
    reads_flat = True

    def shape(self, attrs: Attributes, inputs: Sequence[Shape]) -> Shape:
        """See `LayerType`."""
        shape: Shape = tuple(attrs["shape"])
        if np.prod(shape) != np.prod(inputs[0]) or min(shape) < 1:
            raise ValueError(f"{inputs[0]} does not fill {shape}")
        return shape

    def forward(self, layer: Layer, inputs: Sequence[Floats], weights: Weights) -> Floats:
        """See `LayerType`."""
        return inputs[0].reshape(self.shape(layer.attrs, [inputs[0].shape]))

    def lower(self, lowering: Lowering, layer: Layer) -> None:
        """See `LayerType`; where all readers read any shape, nothing is to be done."""
        x = lowering.source(layer.inputs[0])
        if layer.name in lowering.flat:
            lowering.carry(layer.name, x.name)
            return
        op = Reshape(self.shape(layer.attrs, [x.shape]))
        lowering.emit(layer.name, op, [x.name], lowering.quant(layer.name))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        """See `LayerType`."""
        yield Example({"shape": [5, 4, 3]}, ((4, 5, 3),))


class Flatten(ReshapeLayer):
    """To one dimension."""

    op = "flatten"
    attributes = frozenset()

    def shape(self, attrs: Attributes, inputs: Sequence[Shape]) -> Shape:
        """See `LayerType`."""
        return (int(np.prod(inputs[0])),)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        """See `LayerType`."""
        yield Example({}, ((4, 5, 3),))
