# SPDX-License-Identifier: Apache-2.0
"""Float models as Keras networks: to train (with BatchNorm) and to run (folded).

Importing this module imports TensorFlow; only pretraining and tests do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from myna.formats.table import TO_KERAS
from myna.frontend.model import FloatModel, Floats, weight_shapes
from myna.layers.base import Layer
from myna.layers.table import weighted
from myna.tensorflow import keras

NORMALISED = ("conv2d", "depthwise_conv2d")
BN_SUFFIX = "_bn"
DROPOUT = 0.2  # before the dense layers, in training only


def build(architecture: FloatModel) -> Any:
    """A network to be trained: every convolution is followed by BatchNorm, then activation.

    Args:
        architecture: as `load_architecture` gives it; its weights are not used.

    Returns:
        keras.Model from float features [batch, frames, features, 1] to logits.
    """
    return _assemble(architecture, normalise=True)


def to_keras(model: FloatModel) -> Any:
    """The folded network with the model's weights, all trainable: the float baseline.

    Returns:
        keras.Model from float features [batch, frames, features, 1] to logits.
    """
    network = _assemble(model, normalise=False)
    for layer in model.layers:
        if f"{layer.name}/w" in model.weights:
            own, w = network.get_layer(layer.name), model.weights[f"{layer.name}/w"]
            kernel = w.reshape(own.kernel.shape)
            own.set_weights([kernel, model.weights[f"{layer.name}/b"]])
    return network


def fold(network: Any, architecture: FloatModel) -> FloatModel:
    """The weights of a network made by `build`, each BatchNorm folded into its convolution."""
    shapes, weights = weight_shapes(architecture), dict[str, Floats]()
    for layer in architecture.layers:
        if not weighted(layer):
            continue
        w, *rest = network.get_layer(layer.name).get_weights()
        w = w.reshape(shapes[f"{layer.name}/w"])
        if layer.op in NORMALISED:
            bn = network.get_layer(layer.name + BN_SUFFIX)
            gamma, beta, mean, variance = (np.float64(v) for v in bn.get_weights())
            factor = gamma / np.sqrt(variance + bn.epsilon)
            w, rest = w * factor, [beta - mean * factor]
        weights[f"{layer.name}/w"] = np.asarray(w, np.float32)
        weights[f"{layer.name}/b"] = np.asarray(rest[0], np.float32)
    return replace(architecture, weights=weights)


def _assemble(model: FloatModel, *, normalise: bool) -> Any:
    inputs = keras.Input(model.input_shape, name=model.input_name)
    known = {model.input_name: inputs}
    for layer in model.layers:
        known[layer.name] = _apply(layer, [known[name] for name in layer.inputs], normalise)
    return keras.Model(inputs, known[model.output], name=model.name)


def _apply(layer: Layer, inputs: list[Any], normalise: bool) -> Any:
    if normalise and layer.op == "dense":
        inputs = [keras.layers.Dropout(DROPOUT)(inputs[0])]
    if normalise and layer.op in NORMALISED:
        bare = replace(layer, attrs={**layer.attrs, "use_bias": False})
        result = TO_KERAS[layer.op](keras, bare, inputs)
        result = keras.layers.BatchNormalization(name=layer.name + BN_SUFFIX)(result)
    else:
        result = TO_KERAS[layer.op](keras, layer, inputs)
    return _activate(layer.attrs, result)


def _activate(attrs: Mapping[str, Any], x: Any) -> Any:
    kind = attrs.get("activation", "linear")
    if kind == "linear":
        return x
    return keras.layers.ReLU(max_value=6.0 if kind == "relu6" else None)(x)
