# SPDX-License-Identifier: Apache-2.0
"""Reversible sum of an int16 stream and an int8 branch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from myna.layers.base import (
    Attributes,
    Example,
    Floats,
    Layer,
    LayerType,
    Shape,
    Weights,
    equal_shapes,
)
from myna.layers.lowering import Lowering
from myna.ops.coupling import Couple


class CoupleLayer(LayerType):
    """stream + branch; wraps modulo 2^16, so that it can be inverted."""

    op = "couple"
    arity = 2
    streams = 1

    def shape(self, attrs: Attributes, inputs: Sequence[Shape]) -> Shape:
        """See `LayerType`."""
        return equal_shapes(inputs)

    def forward(self, layer: Layer, inputs: Sequence[Floats], weights: Weights) -> Floats:
        """See `LayerType`."""
        return inputs[0] + inputs[1]

    def lower(self, lowering: Lowering, layer: Layer) -> None:
        """See `LayerType`."""
        x, branch = (lowering.source(name) for name in layer.inputs)
        mantissa, shift = lowering.multiplier(layer.name, branch, x.scale)
        op = Couple(mantissa, shift, branch.zero_point)
        quant = lowering.quant(layer.name)
        lowering.update_wraps(layer.name, op, (x.name, branch.name), quant)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        """See `LayerType`."""
        yield Example({}, ((4, 5, 3), (4, 5, 3)))
