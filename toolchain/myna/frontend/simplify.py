# SPDX-License-Identifier: Apache-2.0
"""Folds what other tools keep as layers of their own into the layers of Myna.

Two ops exist in drafts only: "affine", which multiplies each channel by "<layer>/w" and adds
"<layer>/b", both [channels] (a BatchNorm that is not trained); and "softmax".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from myna.frontend.identifiers import new_name
from myna.frontend.model import Floats
from myna.layers.base import Layer, Shape
from myna.layers.table import output_shape, weighted

SAME_SHAPE = {"activation": "linear", "kernel": [1, 1], "strides": [1, 1], "padding": "valid"}


def simplify(
    layers: Sequence[Layer],
    weights: Mapping[str, Floats],
    inputs: Mapping[str, Shape],
    output: str,
) -> tuple[tuple[Layer, ...], dict[str, Floats], str]:
    """Fold affine layers into the weights before them and fuse activations, where that is exact.

    A layer that others read, too, is left as it is; an affine layer that finds none to fold into
    becomes a depthwise convolution of one tap.

    Args:
        layers: a draft, in order.
        weights: of its layers, as in `FloatModel`.
        inputs: name and shape of what the draft reads.
        output: its last layer.

    Returns:
        Layers, weights, and the layer that yields what `output` did.
    """
    draft = _Draft(layers, weights, inputs, output)
    for layer in layers:
        draft.add(layer)
    return tuple(draft.layers.values()), draft.weights, draft.alias[output]


class _Draft:
    def __init__(
        self,
        layers: Sequence[Layer],
        weights: Mapping[str, Floats],
        inputs: Mapping[str, Shape],
        output: str,
    ) -> None:
        self.layers: dict[str, Layer] = {}
        self.weights = dict(weights)
        self.alias = {name: name for name in inputs}  # of what a layer became part of
        self._shapes = dict(inputs)
        self._readers = Counter(name for layer in layers for name in layer.inputs)
        self._readers[output] += 1
        self._taken = {layer.name for layer in layers}

    def add(self, layer: Layer) -> None:
        first = layer.inputs[0]
        source = self.layers.get(self.alias[first])
        alone = source is not None and self._readers[first] == 1
        linear = source is not None and source.attrs.get("activation") == "linear"
        if source is not None and alone and linear:
            if layer.op == "affine" and weighted(source):
                self._fold(layer, source)
                return
            if layer.op in ("relu", "relu6"):
                fused = replace(source, attrs={**source.attrs, "activation": layer.op})
                self._put(fused)
                self.alias[layer.name] = source.name
                return
        layer = replace(layer, inputs=tuple(self.alias[name] for name in layer.inputs))
        if layer.op == "affine":
            self._expand(layer)
        else:
            self._put(layer)
        self.alias[layer.name] = layer.name

    def _put(self, layer: Layer) -> None:
        self.layers[layer.name] = layer
        self._shapes[layer.name] = output_shape(layer, [self._shapes[n] for n in layer.inputs])

    def _fold(self, affine: Layer, source: Layer) -> None:
        factor, shift = (self.weights.pop(f"{affine.name}/{part}") for part in "wb")
        w, b = (np.float64(self.weights[f"{source.name}/{part}"]) for part in "wb")
        self.weights[f"{source.name}/w"] = np.asarray(w * factor, np.float32)
        self.weights[f"{source.name}/b"] = np.asarray(b * factor + shift, np.float32)
        self.alias[affine.name] = source.name

    def _expand(self, layer: Layer) -> None:
        """A depthwise convolution of one tap, on a map of one pixel if the input is flat."""
        shape, inputs = self._shapes[layer.inputs[0]], layer.inputs
        flat, name = len(shape) == 1, layer.name
        if flat:
            pixel, name = (new_name(f"{layer.name}_{part}", self._taken) for part in "xy")
            self._put(Layer(pixel, "reshape", inputs, {"shape": [1, 1, *shape]}))
            inputs = (pixel,)
        self._put(Layer(name, "depthwise_conv2d", inputs, SAME_SHAPE))
        factor, shift = (self.weights.pop(f"{layer.name}/{part}") for part in "wb")
        self.weights |= {f"{name}/w": factor.reshape(1, 1, -1), f"{name}/b": shift}
        if flat:
            self._put(Layer(layer.name, "flatten", (name,)))
