# SPDX-License-Identifier: Apache-2.0
"""A network of Keras while it is being translated, layer by layer.

Only its functions import Keras, and so TensorFlow: `myna import` calls them for a `.keras` file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from myna.errors import MynaError
from myna.frontend.identifiers import INPUT, new_name
from myna.frontend.model import Floats
from myna.layers.base import Layer, Shape
from myna.layers.table import output_shape

Parameters = tuple[Any, Any]  # weights as in `FloatModel`, and a bias or None
SOFTMAX = "softmax"


class Draft:
    """Layers so far, in order; "affine" and "softmax" among them (see `simplify`).

    Attributes:
        where: the layer being translated, for messages.
        softmax: whether the network ends in one, from `finish` on.
    """

    def __init__(self, path: Path, source: Any) -> None:
        self.layers: list[Layer] = []
        self.weights: dict[str, Floats] = {}
        self.path, self.where, self.softmax = path, f"{path}, input", False
        self.input_shape = self.shape(source)
        self._shapes: dict[str, Shape] = {INPUT: self.input_shape}

    def add(self, name: str, op: str, inputs: Sequence[str], **attrs: Any) -> str:
        """Append a layer; returns the name that it gets, which no other has."""
        name = new_name(name, self._shapes)
        layer = Layer(name, op, tuple(inputs), attrs)
        try:
            self._shapes[name] = output_shape(layer, [self._shapes[x] for x in inputs])
        except ValueError as error:  # Keras broadcasts
            self.fail(str(error), "make the shapes agree: Flatten, Reshape or ZeroPadding can")
        self.layers.append(layer)
        return name

    def weighted(self, name: str, op: str, x: str, parameters: Parameters, **attrs: Any) -> str:
        """Append a layer with weights."""
        w, bias = floats(parameters[0]), parameters[1]
        b = np.zeros(w.shape[-1], np.float32) if bias is None else floats(bias)
        if not (np.isfinite(w).all() and np.isfinite(b).all()):
            self.fail("has weights that are not finite", "train the model again")
        name = self.add(name, op, [x], **attrs)
        self.weights |= {f"{name}/w": w, f"{name}/b": b}
        return name

    def activate(self, name: str, kind: Any, x: str) -> str:
        """Append an activation."""
        if kind == "linear":
            return x
        if kind not in ("relu", "relu6", SOFTMAX):
            other = "a Dense layer of two units with softmax" if kind == "sigmoid" else "relu"
            self.fail(f"has activation {kind}, which is not supported", f"use {other}")
        return self.add(f"{name}_{kind}", kind, [x])

    def shape(self, tensor: Any) -> Shape:
        """Shape of a tensor of Keras as Myna has it, without the batch dimension."""
        shape = tuple(tensor.shape)[1:]
        if None in shape or not 1 <= len(shape) <= 3:
            self.fail(
                f"has a tensor of shape {shape}",
                "give Input() a fixed shape: [n], [n, channels] or [height, width, channels]",
            )
        return (1, *shape) if len(shape) == 2 else shape

    def finish(self, output: str, flat: bool) -> str:
        """Take a closing softmax off and flatten what remains; returns the layer that yields it."""
        last = next((layer for layer in self.layers if layer.name == output), None)
        if last is not None and last.op == SOFTMAX:
            self.softmax, output = True, last.inputs[0]
            self.layers.remove(last)
        if any(layer.op == SOFTMAX for layer in self.layers):
            self.fail("is not the only softmax", "use relu elsewhere")
        return output if flat else self.add("output", "flatten", [output])

    def fail(self, what: str, fix: str) -> NoReturn:
        """Raise a MynaError about the layer that is being translated."""
        raise MynaError(what, where=self.where, fix=fix)


def floats(values: Any) -> Floats:
    """An array of Keras in float32."""
    from myna.tensorflow import keras  # noqa: PLC0415 - it is large

    return np.asarray(keras.ops.convert_to_numpy(values), np.float32)


def activation(layer: Any) -> Any:
    """Keras's name of a layer's activation, such as "relu"; something else if it has none."""
    from myna.tensorflow import keras  # noqa: PLC0415 - it is large

    return keras.activations.serialize(layer.activation)
