# SPDX-License-Identifier: Apache-2.0
"""Reversible sums: see `streams`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from myna.formats import to_tflite as write
from myna.ir import Node
from myna.layers.base import Layer
from myna.ops.coupling import Couple
from myna.tflite.schema import Table
from myna.tflite.writer import Operator as Written
from myna.tflite.writer import Writer


def to_keras(keras: Any, layer: Layer, inputs: list[Any]) -> Any:
    """Add."""
    return keras.layers.Add(name=layer.name)(inputs)


def to_tflite(writer: Writer, node: Node) -> None:
    """QUANTIZE to int16, then ADD, which saturates where the coupling wraps."""
    x, branch = (writer.tensor(name) for name in node.inputs[:2])
    wide = writer.intermediate(replace(x, name=f"{branch.name}.wide"))
    writer.operator(write.quantize(x), [writer.value(branch.name)], wide)
    add = Written("ADD", 3, Table("AddOptions", PotScaleInt16=False))
    writer.operator(add, [writer.value(x.name), wide], writer.value(node.outputs[0]))


TO_KERAS = {"couple": to_keras}
TO_TFLITE = {Couple: to_tflite}
