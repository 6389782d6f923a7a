# SPDX-License-Identifier: Apache-2.0
"""Fully connected layer; weights [inputs, units], as int8 [units, inputs]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from myna.ir import Operation, Tensor
from myna.layers.base import Attributes, Example, Floats, Layer, Shape
from myna.layers.lowering import Lowering
from myna.layers.weighted import Weighted
from myna.ops.dense import Dense


class DenseLayer(Weighted):
    """Sums over all inputs."""

    op = "dense"
    attributes = frozenset({"units", "activation"})
    reads_flat = True

    def shape(self, attrs: Attributes, inputs: Sequence[Shape]) -> Shape:
        """See `LayerType`."""
        if len(inputs[0]) != 1:
            raise ValueError(f"dense needs a flat input, not {inputs[0]}")
        return (attrs["units"],)

    def weight_shape(self, attrs: Attributes, inputs: Sequence[Shape]) -> Shape:
        """See `Weighted`."""
        return (inputs[0][-1], attrs["units"])

    def linear(self, attrs: Attributes, x: Floats, w: Floats) -> Floats:
        """See `Weighted`."""
        return np.asarray(x @ w)

    def integer_op(
        self, lowering: Lowering, layer: Layer, x: Tensor, limits: dict[str, Any]
    ) -> Operation:
        """See `Weighted`."""
        return Dense(**limits)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        """See `LayerType`."""
        for activation in ("linear", "relu"):
            yield Example({"units": 5, "activation": activation}, ((24,),))
