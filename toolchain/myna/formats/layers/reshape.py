# SPDX-License-Identifier: Apache-2.0
"""The same values in another shape; and layers that change nothing once training is over."""

from __future__ import annotations

from typing import Any

import numpy as np

from myna.formats.from_keras import as_it_is
from myna.frontend.keras_draft import Draft
from myna.ir import Node
from myna.layers.base import Layer, Shape
from myna.ops.reshape import Reshape
from myna.tflite.network import Network
from myna.tflite.read import Operator
from myna.tflite.schema import Table
from myna.tflite.writer import Operator as Written
from myna.tflite.writer import Writer


def from_keras(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """Reshape."""
    return draft.add(layer.name, "reshape", inputs, shape=list(draft.shape(layer.output)))


def from_keras_flatten(draft: Draft, layer: Any, inputs: list[str], shape: Shape) -> str:
    """Flatten."""
    return inputs[0] if len(shape) == 1 else draft.add(layer.name, "flatten", inputs)


def to_keras(keras: Any, layer: Layer, inputs: list[Any]) -> Any:
    """Reshape."""
    return keras.layers.Reshape(layer.attrs["shape"], name=layer.name)(*inputs)


def to_keras_flatten(keras: Any, layer: Layer, inputs: list[Any]) -> Any:
    """Flatten."""
    return keras.layers.Flatten(name=layer.name)(*inputs)


def from_tflite(net: Network, op: Operator) -> None:
    """RESHAPE, SQUEEZE and EXPAND_DIMS: the output's shape says what they do."""
    x = net.source(op)
    net.same_quant(op, x)
    net.finish(op, x)


def to_tflite(writer: Writer, node: Node) -> None:
    """RESHAPE."""
    assert isinstance(node.op, Reshape)
    shape = np.array([1, *node.op.shape], np.int32)  # with the batch
    inputs = [writer.value(node.inputs[0]), writer.constant(f"{node.name}.shape", shape)]
    kind = Written("RESHAPE", 1, Table("ReshapeOptions", NewShape=shape))
    writer.operator(kind, inputs, writer.value(node.outputs[0]))


FROM_KERAS = {
    "ActivityRegularization": as_it_is,
    "AlphaDropout": as_it_is,
    "Dropout": as_it_is,
    "Flatten": from_keras_flatten,
    "GaussianDropout": as_it_is,
    "GaussianNoise": as_it_is,
    "Identity": as_it_is,
    "InputLayer": as_it_is,
    "Reshape": from_keras,
    "SpatialDropout1D": as_it_is,
    "SpatialDropout2D": as_it_is,
}
TO_KERAS = {"flatten": to_keras_flatten, "reshape": to_keras}
FROM_TFLITE = {"EXPAND_DIMS": from_tflite, "RESHAPE": from_tflite, "SQUEEZE": from_tflite}
TO_TFLITE = {Reshape: to_tflite}
