# SPDX-License-Identifier: Apache-2.0
"""Every kind of layer that a file of this folder defines, by name, and what any layer must be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from myna.discovery import by_name, subclasses
from myna.layers.base import Layer, LayerType, Shape
from myna.layers.clamp import ACTIVATIONS
from myna.layers.weighted import Weighted
from myna.layers.window import PADDINGS

LAYERS: Mapping[str, LayerType] = by_name(
    {kind.op: kind()} for kind in subclasses(__package__, LayerType, "op")
)
NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
SIZES = {"filters", "kernel", "pool", "shape", "strides", "units"}  # attributes
BAD_NAME = "a name must be a letter, then letters, digits and _"


def output_shape(layer: Layer, inputs: Sequence[Shape]) -> Shape:
    """Shape of what a layer yields; the input's for an op that is in no model's folder.

    Raises:
        ValueError: the inputs do not suit the op.
    """
    kind = LAYERS.get(layer.op)
    return inputs[0] if kind is None else kind.shape(layer.attrs, inputs)


def weighted(layer: Layer) -> Weighted | None:
    """The kind of a layer with weights; None if it has none."""
    kind = LAYERS.get(layer.op)
    return kind if isinstance(kind, Weighted) else None


def problems(layer: Layer, known: Mapping[str, Shape]) -> Iterator[str]:
    """What is wrong with a layer, apart from its inputs' shapes."""
    if layer.op not in LAYERS:
        yield f"unknown op {layer.op!r}; ops: {', '.join(LAYERS)}"
        return
    kind = LAYERS[layer.op]
    if layer.attrs.keys() != kind.attributes:
        yield f"{layer.op} takes these attributes: {', '.join(sorted(kind.attributes)) or 'none'}"
    if layer.attrs.get("activation", "linear") not in ACTIVATIONS:
        yield f"activation is not one of {', '.join(ACTIVATIONS)}"
    if layer.attrs.get("padding", "same") not in PADDINGS:
        yield f"padding is not one of {', '.join(PADDINGS)}"
    for key in kind.attributes & SIZES:
        sizes = (
            layer.attrs[key] if isinstance(layer.attrs[key], list | tuple) else [layer.attrs[key]]
        )
        if not all(type(size) is int and size > 0 for size in sizes):
            yield f"{key} is not made of whole numbers from 1"
    if not NAME.fullmatch(layer.name):
        yield BAD_NAME
    if layer.name in known:
        yield "name used twice"
    for name in layer.inputs:
        if name not in known:
            yield f"input {name!r} is not defined before it"
    if kind.arity is not None and len(layer.inputs) != kind.arity:
        yield f"{layer.op} takes {kind.arity} inputs"
    if not layer.inputs:
        yield f"{layer.op} has no input"
