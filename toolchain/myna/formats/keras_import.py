# SPDX-License-Identifier: Apache-2.0
"""Reads Keras's `.keras` files: functional and Sequential models, in float.

Importing this module imports TensorFlow; `myna import` does, for such a file only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from myna.errors import MynaError
from myna.formats.table import FROM_KERAS
from myna.frontend.identifiers import INPUT, numbered
from myna.frontend.keras_draft import Draft
from myna.frontend.keras_file import open_keras, unsupported
from myna.frontend.model import FloatModel, check_model
from myna.frontend.simplify import simplify


def read_keras(path: Path, name: str, labels: Sequence[str] | None) -> FloatModel:
    """The network in a file, with its weights: BatchNorm folded, activations fused.

    Sequences [n, channels] become maps [1, n, channels].

    Args:
        path: the `.keras` file, which need not be trusted.
        name: of the model.
        labels: one per output; by default class_0, class_1, ….

    Returns:
        A model without a front end, whose loss is "classify".

    Raises:
        MynaError: the file cannot be read, or holds a layer that Myna does not have; the message
            names the layer and what would do instead.
    """
    network = open_keras(path, FROM_KERAS)
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise MynaError(
            f"has {len(network.inputs)} inputs and {len(network.outputs)} outputs",
            where=str(path),
            fix="make it a model of one input and one output",
        )
    source, result = network.inputs[0], network.outputs[0]
    draft = Draft(path, source)
    output = _Walk(draft).value(result, {id(source): INPUT})
    draft.where = f"{path}, output"
    output = draft.finish(output, flat=len(draft.shape(result)) == 1)
    inputs = {INPUT: draft.input_shape}
    layers, weights, output = simplify(draft.layers, draft.weights, inputs, output)
    count = int(np.prod(draft.shape(result)))
    model = FloatModel(
        name=name,
        labels=tuple(labels or numbered(count)),
        audio={},
        input_name=INPUT,
        input_shape=draft.input_shape,
        layers=layers,
        output=output,
        weights=weights,
        softmax=draft.softmax,
    )
    check_model(model, path)
    return model


class _Walk:
    """From an output back to the inputs; layers are translated on the way forth."""

    def __init__(self, draft: Draft) -> None:
        self._draft, self._owners = draft, set[int]()  # of the weights seen

    def value(self, tensor: Any, known: dict[int, str]) -> str:
        """The layer that yields a tensor of Keras; `known` names those of other tensors, by id."""
        if id(tensor) not in known:
            layer, call, position = tensor._keras_history
            sources = layer._inbound_nodes[call].input_tensors
            inputs = [self.value(source, known) for source in sources]
            if getattr(layer, "outputs", None):  # a model inside of this one
                inner = dict(zip(map(id, layer.inputs), inputs, strict=True))
                known[id(tensor)] = self.value(layer.outputs[position], inner)
            else:
                known[id(tensor)] = self._translate(layer, inputs, sources)
        return known[id(tensor)]

    def _translate(self, layer: Any, inputs: list[str], sources: Sequence[Any]) -> str:
        draft, kind = self._draft, type(layer).__name__
        reads = f", which reads {', '.join(inputs)}" if inputs else ""
        draft.where = f"{draft.path}, layer {layer.name} ({kind}{reads})"
        if kind not in FROM_KERAS or not sources:
            raise unsupported(kind, draft.where, FROM_KERAS)
        if getattr(layer, "data_format", None) == "channels_first":
            draft.fail("has its channels first", 'use data_format="channels_last"')
        if getattr(layer, "quantization_mode", None):
            draft.fail("is quantized", "save the float model; Myna quantizes it")
        if getattr(layer, "weights", None):
            if id(layer) in self._owners:
                draft.fail("is used twice", "use a layer with weights of its own for each place")
            self._owners.add(id(layer))
        return FROM_KERAS[kind](draft, layer, inputs, draft.shape(sources[0]))
