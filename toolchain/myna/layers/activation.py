# SPDX-License-Identifier: Apache-2.0
"""Activations as layers; they also change the scale, and leave reversible streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from myna.layers.base import Example, Floats, Layer, LayerType, Weights
from myna.layers.clamp import activate
from myna.layers.lowering import Lowering


class Activation(LayerType):
    """What all have in common."""

    streams = 1

    def forward(self, layer: Layer, inputs: Sequence[Floats], weights: Weights) -> Floats:
        """See `LayerType`."""
        return activate(inputs[0], self.op)

    def lower(self, lowering: Lowering, layer: Layer) -> None:
        """See `LayerType`."""
        lowering.requantize(layer.name, lowering.source(layer.inputs[0]).name, self.op)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        """See `LayerType`."""
        yield Example({}, ((4, 5, 3),))


class Linear(Activation):
    """Another scale, nothing else."""

    op = "linear"


class Relu(Activation):
    """max(x, 0)."""

    op = "relu"


class Relu6(Activation):
    """min(max(x, 0), 6)."""

    op = "relu6"
