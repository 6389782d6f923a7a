# SPDX-License-Identifier: Apache-2.0
"""What layers with weights share: arrays "<layer>/w" and "<layer>/b", a fused activation."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from myna.ir import Operation, Tensor
from myna.layers.base import Attributes, Floats, Layer, LayerType, Shape, Weights
from myna.layers.clamp import activate, clamp
from myna.layers.lowering import Lowering


class Weighted(LayerType):
    """A linear layer.

    Attributes:
        channel_axis: the axis of output channels of its int8 weights.
    """

    channel_axis: ClassVar[int] = 0

    @abstractmethod
    def weight_shape(self, attrs: Attributes, inputs: Sequence[Shape]) -> Shape:
        """Shape of "<layer>/w", whose last axis is that of output channels."""

    @abstractmethod
    def linear(self, attrs: Attributes, x: Floats, w: Floats) -> Floats:
        """Its sums of products, without the bias."""

    @abstractmethod
    def integer_op(
        self, lowering: Lowering, layer: Layer, x: Tensor, limits: dict[str, Any]
    ) -> Operation:
        """The op of a layer; `limits` are the fields of `myna.ops.layer.Layer`."""

    def channels_first(self, w: Floats) -> Floats:
        """Float weights in the order of the int8 ones."""
        return np.moveaxis(w, -1, 0) if self.channel_axis == 0 else w

    def forward(self, layer: Layer, inputs: Sequence[Floats], weights: Weights) -> Floats:
        """See `LayerType`."""
        w, b = (weights[f"{layer.name}/{part}"].astype(np.float64) for part in "wb")
        return activate(self.linear(layer.attrs, inputs[0], w) + b, layer.attrs["activation"])

    def lower(self, lowering: Lowering, layer: Layer) -> None:
        """See `LayerType`."""
        x, own = lowering.source(layer.inputs[0]), lowering.own_quant(layer.name)
        inputs = [x.name, *lowering.parameters(layer.name, x, self.channel_axis)]
        limits = clamp(layer.attrs["activation"], own)
        limits |= {"x_zero": x.zero_point, "y_zero": own.zero_point}
        lowering.weighted(layer.name, self.integer_op(lowering, layer, x, limits), inputs)
