# SPDX-License-Identifier: Apache-2.0
"""Sum of two activations, with a fused activation."""

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
from myna.layers.clamp import activate, clamp
from myna.layers.lowering import CALIBRATE, Lowering
from myna.ops.add import Add


class AddLayer(LayerType):
    """a + b."""

    op = "add"
    attributes = frozenset({"activation"})
    arity = 2

    def shape(self, attrs: Attributes, inputs: Sequence[Shape]) -> Shape:
        """See `LayerType`."""
        return equal_shapes(inputs)

    def forward(self, layer: Layer, inputs: Sequence[Floats], weights: Weights) -> Floats:
        """See `LayerType`."""
        return activate(inputs[0] + inputs[1], layer.attrs["activation"])

    def lower(self, lowering: Lowering, layer: Layer) -> None:
        """See `LayerType`."""
        x, y = (lowering.source(name) for name in layer.inputs)
        own = lowering.quant(layer.name)
        assert x.quant is not None and y.quant is not None
        op = Add.of(x.quant, y.quant, own, **clamp(layer.attrs["activation"], own))
        if op.y.shift > 0:
            what = f"adds at scale {max(x.scale, y.scale):g}, too large for {own.scale[0]:g}"
            raise lowering.fail(layer.name, what, CALIBRATE)
        lowering.emit(layer.name, op, [x.name, y.name], own)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        """See `LayerType`."""
        for activation in ("linear", "relu"):
            yield Example({"activation": activation}, ((4, 5, 3), (4, 5, 3)))
