# SPDX-License-Identifier: Apache-2.0
"""The layers a float model may hold: their attributes, and the shapes of what they yield.

Activations are [height, width, channels] maps or flat; a batch dimension is implied.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Shape = tuple[int, ...]
ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "conv2d": frozenset({"filters", "kernel", "strides", "padding", "activation"}),
    "depthwise_conv2d": frozenset({"kernel", "strides", "padding", "activation"}),
    "dense": frozenset({"units", "activation"}),
    "average_pool": frozenset({"pool", "strides", "padding"}),
    "max_pool": frozenset({"pool", "strides", "padding"}),
    "mean": frozenset(),
    "pad": frozenset({"margins"}),
    "reshape": frozenset({"shape"}),
    "relu": frozenset(),
    "relu6": frozenset(),
    "linear": frozenset(),
    "couple": frozenset(),
    "add": frozenset({"activation"}),
    "concat": frozenset(),
    "flatten": frozenset(),
}
INPUT_COUNT = {"couple": 2, "add": 2}  # concat takes any number, every other op one
ACTIVATIONS = ("linear", "relu", "relu6")
PADDINGS = ("same", "valid")
NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
BAD_NAME = "a name must be a letter, then letters, digits and _"


@dataclass(frozen=True)
class Layer:
    """One layer: `op` is a key of ATTRIBUTES, `inputs` name earlier layers or the input.

    `margins` are rows above and below, columns left and right.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)


def output_shape(layer: Layer, inputs: Sequence[Shape]) -> Shape:
    """Shape of what a layer yields.

    Raises:
        ValueError: the inputs do not suit the op.
    """
    rule = RULES.get(layer.op)
    return inputs[0] if rule is None else rule(layer.attrs, inputs)


def problems(layer: Layer, known: Mapping[str, Shape]) -> Iterator[str]:
    """What is wrong with a layer, apart from its inputs' shapes."""
    if layer.op not in ATTRIBUTES:
        yield f"unknown op {layer.op!r}; ops: {', '.join(ATTRIBUTES)}"
        return
    if layer.attrs.keys() != ATTRIBUTES[layer.op]:
        needed = ", ".join(sorted(ATTRIBUTES[layer.op])) or "none"
        yield f"{layer.op} takes these attributes: {needed}"
    if layer.attrs.get("activation", "linear") not in ACTIVATIONS:
        yield f"activation is not one of {', '.join(ACTIVATIONS)}"
    if layer.attrs.get("padding", "same") not in PADDINGS:
        yield f"padding is not one of {', '.join(PADDINGS)}"
    if not NAME.fullmatch(layer.name):
        yield BAD_NAME
    if layer.name in known:
        yield "name used twice"
    for name in layer.inputs:
        if name not in known:
            yield f"input {name!r} is not defined before it"
    if layer.op != "concat" and len(layer.inputs) != INPUT_COUNT.get(layer.op, 1):
        yield f"{layer.op} takes {INPUT_COUNT.get(layer.op, 1)} inputs"


def _sum(attrs: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    if inputs[0] != inputs[1]:
        raise ValueError(f"inputs differ in shape: {inputs}")
    return inputs[0]


def _concat(attrs: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    first = inputs[0]
    if any(shape[:-1] != first[:-1] for shape in inputs):
        raise ValueError(f"inputs differ in more than the last axis: {inputs}")
    return (*first[:-1], sum(shape[-1] for shape in inputs))


def _flatten(attrs: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    return (int(np.prod(inputs[0])),)


def _reshape(attrs: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    shape: Shape = tuple(attrs["shape"])
    if np.prod(shape) != np.prod(inputs[0]) or min(shape) < 1:
        raise ValueError(f"{inputs[0]} does not fill {shape}")
    return shape


def _dense(attrs: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    if len(inputs[0]) != 1:
        raise ValueError(f"dense needs a flat input, not {inputs[0]}")
    return (attrs["units"],)


def _mean(attrs: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    return _map(inputs)[-1:]


def _pad(attrs: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    height, width, channels = _map(inputs)
    top, bottom, left, right = attrs["margins"]
    if min(attrs["margins"]) < 0:
        raise ValueError(f"margins {attrs['margins']} are negative")
    return (height + top + bottom, width + left + right, channels)


def _window(attrs: Mapping[str, Any], inputs: Sequence[Shape]) -> Shape:
    height, width, channels = _map(inputs)
    window = attrs["pool"] if "pool" in attrs else attrs["kernel"]
    rows, columns = (
        -(-size // stride) if attrs["padding"] == "same" else (size - span) // stride + 1
        for size, span, stride in zip((height, width), window, attrs["strides"], strict=True)
    )
    if min(rows, columns) < 1:
        raise ValueError(f"window {window} does not fit {inputs[0]}")
    return (rows, columns, attrs.get("filters", channels))


def _map(inputs: Sequence[Shape]) -> Shape:
    if len(inputs[0]) != 3:
        raise ValueError(f"needs a [height, width, channels] map, not {inputs[0]}")
    return inputs[0]


RULES: Mapping[str, Callable[[Mapping[str, Any], Sequence[Shape]], Shape]] = {
    "conv2d": _window,
    "depthwise_conv2d": _window,
    "dense": _dense,
    "average_pool": _window,
    "max_pool": _window,
    "mean": _mean,
    "pad": _pad,
    "reshape": _reshape,
    "couple": _sum,
    "add": _sum,
    "concat": _concat,
    "flatten": _flatten,
}  # of every other op the output is as large as the input
