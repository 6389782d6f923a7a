# SPDX-License-Identifier: Apache-2.0
"""What a kind of layer is: attributes, shapes, its float and its integer form.

Activations are [height, width, channels] maps or flat; a batch dimension is implied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from myna.layers.lowering import Lowering

Shape = tuple[int, ...]
Floats = npt.NDArray[np.float64]
Attributes = Mapping[str, Any]
Weights = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Layer:
    """One layer: `op` names its kind, `inputs` name earlier layers or the network's input."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attrs: Attributes = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """A layer to test: attributes, and shapes of what it reads."""

    attrs: Attributes
    inputs: tuple[Shape, ...]


class LayerType:
    """Base of all kinds of layers; one file of this folder holds each family.

    Attributes:
        op: its name in architectures.
        attributes: that a layer has, all of them.
        arity: how many inputs it reads; None for any number.
        same_scale: whether it only moves or picks values, so that they keep their quantization.
        streams: how many of its first inputs may be an int16 stream.
        reads_flat: whether it reads its input's values in order, whatever their shape.
    """

    op: ClassVar[str]
    attributes: ClassVar[frozenset[str]] = frozenset()
    arity: ClassVar[int | None] = 1
    same_scale: ClassVar[bool] = False
    streams: ClassVar[int] = 0
    reads_flat: ClassVar[bool] = False

    def shape(self, attrs: Attributes, inputs: Sequence[Shape]) -> Shape:
        """Shape of what it yields.

        Raises:
            ValueError: the inputs do not suit it.
        """
        return inputs[0]

    def forward(self, layer: Layer, inputs: Sequence[Floats], weights: Weights) -> Floats:
        """What it yields, in float64.

        Args:
            layer: its attributes and its name.
            inputs: one sample of each.
            weights: of the whole network, as in `FloatModel`.
        """
        raise NotImplementedError

    def lower(self, lowering: Lowering, layer: Layer) -> None:
        """Append its integer ops.

        Raises:
            MynaError: its result cannot be proven to fit.
        """
        raise NotImplementedError

    @classmethod
    def examples(cls) -> Iterator[Example]:
        """Layers that tests compare: float with integer, and with other tools."""
        raise NotImplementedError


def a_map(inputs: Sequence[Shape]) -> Shape:
    """The first input's shape, which must be that of a map.

    Raises:
        ValueError: it is another.
    """
    if len(inputs[0]) != 3:
        raise ValueError(f"needs a [height, width, channels] map, not {inputs[0]}")
    return inputs[0]


def equal_shapes(inputs: Sequence[Shape]) -> Shape:
    """The shape of two inputs, which must be the same.

    Raises:
        ValueError: it is not.
    """
    if inputs[0] != inputs[1]:
        raise ValueError(f"inputs differ in shape: {inputs}")
    return inputs[0]
