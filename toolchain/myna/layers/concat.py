# SPDX-License-Identifier: Apache-2.0
"""Concatenation along the last axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from myna.layers.base import Attributes, Example, Floats, Layer, LayerType, Shape, Weights
from myna.layers.lowering import Lowering
from myna.ops.concat import Concat


class ConcatLayer(LayerType):
    """Channels of one, then of the next."""

    op = "concat"
    arity = None
    same_scale = True

    def shape(self, attrs: Attributes, inputs: Sequence[Shape]) -> Shape:
        """See `LayerType`."""
        first = inputs[0]
        if any(shape[:-1] != first[:-1] for shape in inputs):
            raise ValueError(f"inputs differ in more than the last axis: {inputs}")
        return (*first[:-1], sum(shape[-1] for shape in inputs))

    def forward(self, layer: Layer, inputs: Sequence[Floats], weights: Weights) -> Floats:
        """See `LayerType`."""
        return np.concatenate(inputs, axis=-1)

    def lower(self, lowering: Lowering, layer: Layer) -> None:
        """See `LayerType`; two at a time."""
        first, *rest = (lowering.source(name).name for name in layer.inputs)
        lowering.carry(layer.name, first)
        for count, part in enumerate(rest, 1):
            name = layer.name if count == len(rest) else f"{layer.name}.first{count + 1}"
            lowering.emit(name, Concat(), [first, part], lowering.quant(layer.name))
            first = name

    @classmethod
    def examples(cls) -> Iterator[Example]:
        """See `LayerType`."""
        yield Example({}, ((4, 5, 3), (4, 5, 2), (4, 5, 1)))
