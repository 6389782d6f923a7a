# SPDX-License-Identifier: Apache-2.0
"""Float models as Keras networks: to train (with BatchNorm) and to run (folded).

Importing this module imports TensorFlow; only pretraining and tests do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from myna.frontend.layers import Layer
from myna.frontend.model import FloatModel, Floats

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
    """The folded network with the model's weights, all trainable: the float oracle.

    Returns:
        keras.Model from float features [batch, frames, features, 1] to logits.
    """
    network = _assemble(model, normalise=False)
    for layer in model.layers:
        if f"{layer.name}/w" in model.weights:
            w, b = model.weights[f"{layer.name}/w"], model.weights[f"{layer.name}/b"]
            kernel = w[..., None] if layer.op == "depthwise_conv2d" else w
            network.get_layer(layer.name).set_weights([kernel, b])
    return network


def fold(network: Any, architecture: FloatModel) -> FloatModel:
    """The weights of a network made by `build`, each BatchNorm folded into its convolution."""
    weights: dict[str, Floats] = {}
    for layer in architecture.layers:
        if layer.op == "dense":
            w, b = network.get_layer(layer.name).get_weights()
        elif layer.op in NORMALISED:
            (w,) = network.get_layer(layer.name).get_weights()
            w = w[..., 0] if layer.op == "depthwise_conv2d" else w
            bn = network.get_layer(layer.name + BN_SUFFIX)
            gamma, beta, mean, variance = (np.float64(v) for v in bn.get_weights())
            factor = gamma / np.sqrt(variance + bn.epsilon)
            w, b = w * factor, beta - mean * factor
        else:
            continue
        weights[f"{layer.name}/w"] = np.asarray(w, np.float32)
        weights[f"{layer.name}/b"] = np.asarray(b, np.float32)
    return replace(architecture, weights=weights)


def _assemble(model: FloatModel, *, normalise: bool) -> Any:
    inputs = keras.Input(model.input_shape, name=model.input_name)
    known = {model.input_name: inputs}
    for layer in model.layers:
        known[layer.name] = _apply(layer, [known[name] for name in layer.inputs], normalise)
    return keras.Model(inputs, known[model.output], name=model.name)


def _apply(layer: Layer, inputs: list[Any], normalise: bool) -> Any:
    name, attrs = layer.name, layer.attrs
    match layer.op:
        case "conv2d" | "depthwise_conv2d":
            result = _convolution(layer, inputs[0], normalise)
        case "dense":
            x = keras.layers.Dropout(DROPOUT)(inputs[0]) if normalise else inputs[0]
            result = keras.layers.Dense(attrs["units"], name=name)(x)
        case "average_pool" | "max_pool":
            mean = layer.op == "average_pool"
            kind = keras.layers.AveragePooling2D if mean else keras.layers.MaxPooling2D
            sizes = attrs["pool"], attrs["strides"], attrs["padding"]
            result = kind(*sizes, name=name)(inputs[0])
        case "mean":
            result = keras.layers.GlobalAveragePooling2D(name=name)(inputs[0])
        case "pad":
            top, bottom, left, right = attrs["margins"]
            margins = ((top, bottom), (left, right))
            result = keras.layers.ZeroPadding2D(margins, name=name)(inputs[0])
        case "couple" | "add":
            result = keras.layers.Add(name=name)(inputs)
        case "concat":
            result = keras.layers.Concatenate(name=name)(inputs)
        case "flatten":
            result = keras.layers.Flatten(name=name)(inputs[0])
        case "reshape":
            result = keras.layers.Reshape(attrs["shape"], name=name)(inputs[0])
        case "linear":
            result = keras.layers.Identity(name=name)(inputs[0])
        case _:
            limit = 6.0 if layer.op == "relu6" else None
            result = keras.layers.ReLU(max_value=limit, name=name)(inputs[0])
    return _activate(attrs, result)


def _convolution(layer: Layer, x: Any, normalise: bool) -> Any:
    attrs = layer.attrs
    common = {"use_bias": not normalise, "padding": attrs["padding"], "name": layer.name}
    kernel, strides = tuple(attrs["kernel"]), tuple(attrs["strides"])
    if layer.op == "conv2d":
        x = keras.layers.Conv2D(attrs["filters"], kernel, strides, **common)(x)
    else:
        x = keras.layers.DepthwiseConv2D(kernel, strides, **common)(x)
    if normalise:
        x = keras.layers.BatchNormalization(name=layer.name + BN_SUFFIX)(x)
    return x


def _activate(attrs: Mapping[str, Any], x: Any) -> Any:
    kind = attrs.get("activation", "linear")
    if kind == "linear":
        return x
    return keras.layers.ReLU(max_value=6.0 if kind == "relu6" else None)(x)
