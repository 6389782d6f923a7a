# SPDX-License-Identifier: Apache-2.0
"""Gradients of all weights and biases, from the integer program and from TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from myna import fixed
from myna.engines.reference import Reference
from myna.frontend.model import FloatModel
from myna.ir import Array, Node
from myna.ops.base import pair
from myna.ops.depthwise import DepthwiseUpdate
from myna.ops.sgd import BiasUpdate
from myna.passes.lowering.quantize import QuantizedModel


def weight_gradients(
    device: Reference, model: QuantizedModel, x: Array, label: int
) -> dict[str, Any]:
    """Gradients of the loss of one example at the start of training, from what the updates read.

    They are in real units, but for the factors with which the program's rates differ from one.
    """
    device.reset()
    device.train_step(x, label)
    lsb, found = units(model), {}
    for node in device.program.graph.nodes:
        if node.name.endswith(".update"):
            name = node.name.removesuffix(".update")
            found[name] = _gradient(node, device.values) * lsb[name]
    return found


def _gradient(node: Node, values: dict[str, Array]) -> Any:
    """Undo the factors of an update: its step per unit of rate is the gradient over one LSB."""
    arrays = [values[name] for name in node.inputs]
    if isinstance(node.op, BiasUpdate):
        dy, scale, steps = arrays[0], arrays[1], arrays[2]
        accumulator = dy.astype(np.int64).reshape(-1, arrays[-1].size).sum(axis=0)
        axis, planes = 0, 1.0
    else:
        scale, steps = arrays[2], arrays[3]
        accumulator = node.op.accumulate(arrays[0], arrays[1])  # type: ignore[attr-defined]
        axis = accumulator.ndim - 1 if isinstance(node.op, DepthwiseUpdate) else 0
        planes = 256.0
    column = [1] * accumulator.ndim
    column[axis] = -1
    per_lsb = np.array([fixed.pair_to_float(pair(s)) for s in steps]).reshape(column) / planes
    return accumulator * per_lsb * fixed.pair_to_float(pair(scale))


def units(model: QuantizedModel) -> dict[str, Any]:
    """What one step of each weight and bias is in real numbers, by tensor."""
    lsb: dict[str, Any] = {}
    for layer in model.model.layers:
        if layer.name in model.weights:
            scale = model.scales[layer.name].astype(np.float64)
            column = [1] * model.weights[layer.name].ndim
            column[-1 if layer.op == "depthwise_conv2d" else 0] = -1
            lsb[f"{layer.name}.w"] = scale.reshape(column)
            lsb[f"{layer.name}.b"] = scale * model.quants[layer.inputs[0]].scale[0]
    return lsb


def dequantized(model: QuantizedModel) -> FloatModel:
    """The float model whose weights are those of the integer one."""
    lsb, weights = units(model), {}
    for layer in model.model.layers:
        if layer.name in model.weights:
            real = model.weights[layer.name] * lsb[f"{layer.name}.w"]
            if layer.op != "depthwise_conv2d":
                real = np.moveaxis(real, 0, -1)
            bias = model.biases[layer.name] * lsb[f"{layer.name}.b"]
            weights[f"{layer.name}/w"] = real.astype(np.float32)
            weights[f"{layer.name}/b"] = bias.astype(np.float32)
    return replace(model.model, weights=weights)


def rounding_network(model: QuantizedModel) -> Any:
    """The float network with activations rounded as in the integer one, straight-through.

    Without the rounding, units just above zero in one network and at zero in the other would
    decide how alike the gradients are.
    """
    import keras  # noqa: PLC0415 - TensorFlow is large
    from myna.formats.keras import to_keras  # noqa: PLC0415

    relus = {layer.name for layer in model.model.layers if layer.op in ("relu", "relu6")}
    exact = ("relu", "relu6", "couple", "flatten", "concat", "pad", "reshape")
    rounding = {layer.name for layer in model.model.layers if layer.op not in exact}

    def rounded(name: str, value: Any) -> Any:
        quant = model.own_quant(name)
        scale, zero = quant.scale[0], quant.zero_point
        nearest = keras.ops.clip(keras.ops.round(value / scale), -128 - zero, 127 - zero) * scale
        return value + keras.ops.stop_gradient(nearest - value)

    def call(layer: Any, *inputs: Any, **options: Any) -> Any:
        if layer.name in relus:
            return layer(rounded(layer.name, inputs[0]), **options)
        value = layer(*inputs, **options)
        return rounded(layer.name, value) if layer.name in rounding else value

    network = to_keras(dequantized(model))
    return keras.models.clone_model(network, clone_function=lambda x: x, call_function=call)


def float_gradients(
    network: Any, model: QuantizedModel, features: Array, labels: Sequence[int]
) -> dict[str, Any]:
    """Gradients by TensorFlow of the sum of the losses of examples, as the integer graph's.

    Args:
        network: `to_keras(dequantized(model))`, or `rounding_network(model)`.
        model: says which loss, and what its features mean.
        features: int8 [n, *input_shape].
        labels: [n].
    """
    import tensorflow as tf  # noqa: PLC0415

    quant = model.quants[model.model.input_name]
    x = tf.constant((features.astype(np.float32) - quant.zero_point) * np.float32(quant.scale[0]))
    with tf.GradientTape() as tape:
        y = network(x)
        if model.model.loss == "classify":
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, y)
        else:
            loss = tf.reduce_mean((y - tf.reshape(x, y.shape)) ** 2, axis=1)
    gradients = tape.gradient(loss, network.trainable_variables)
    ops = {layer.name: layer.op for layer in model.model.layers}
    return dict(
        _as_integer(variable.path, gradient.numpy(), ops)
        for variable, gradient in zip(network.trainable_variables, gradients, strict=True)
    )


def _as_integer(path: str, gradient: Any, ops: Mapping[str, str]) -> tuple[str, Any]:
    """The name of a variable of Keras and its gradient's layout in the integer graph."""
    layer, part = path.split("/")[-2:]
    if part == "bias":
        return f"{layer}.b", gradient
    if ops[layer] == "depthwise_conv2d":
        return f"{layer}.w", gradient[..., 0]
    return f"{layer}.w", np.moveaxis(gradient, -1, 0)
