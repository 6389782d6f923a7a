# SPDX-License-Identifier: Apache-2.0
"""The float model: an architecture and its BatchNorm-free weights, and their files.

A model's folder holds `architecture.json` and `float.npz`. The arrays "<layer>/w" and "<layer>/b"
are float32: conv2d [kh, kw, cin, cout], depthwise_conv2d [kh, kw, c], dense [cin, units], each
bias [cout]. Activations are [height, width, channels]; a batch dimension is implied.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from myna.errors import MynaError
from myna.files import read_arrays, write_arrays, write_file
from myna.frontend.identifiers import is_reserved
from myna.layers.base import Layer, Shape
from myna.layers.table import BAD_NAME, NAME, output_shape, problems, weighted

Floats = npt.NDArray[np.float32]
LOSSES = ("classify", "reconstruct", "codeword")
LONGEST_CODEWORD = 1024


@dataclass(frozen=True)
class FloatModel:
    """A network in float; an architecture yet to be trained has no weights.

    Attributes:
        labels: one per logit; none for a network that does not classify.
        audio: fields of `myna.audio.config.AudioConfig`; empty for a network that hears nothing.
        input_shape: [height, width, channels], of features [frames, features, 1]; or [inputs].
        output: the layer that yields the logits, the reconstruction, or what a codeword meets.
        loss: what training minimizes, one of LOSSES.
        softmax: whether an exported network ends with probabilities instead of logits.
    """

    name: str
    labels: tuple[str, ...]
    audio: Mapping[str, Any]
    input_name: str
    input_shape: Shape
    layers: tuple[Layer, ...]
    output: str
    weights: Mapping[str, Floats] = field(default_factory=dict)
    loss: str = "classify"
    softmax: bool = False

    @property
    def parameters(self) -> int:
        """Number of weights and biases, from the layers' shapes."""
        return sum(int(np.prod(shape)) for shape in weight_shapes(self).values())


def load_model(folder: Path) -> FloatModel:
    """Read a trained model's folder.

    Raises:
        MynaError: a file is missing or unreadable, the graph is inconsistent, or an array is
            missing, superfluous, of the wrong shape or not finite.
    """
    model = load_architecture(folder)
    path = folder / "float.npz"
    weights = read_arrays(path, "the model has no weights", "train it with `myna train`")
    expected = weight_shapes(model)
    found = {name: array.shape for name, array in weights.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            _fail(path, name, f"has shape {found.get(name)}, the architecture {expected.get(name)}")
        if weights[name].dtype != np.float32 or not np.isfinite(weights[name]).all():
            _fail(path, name, "is not finite float32")
    return FloatModel(**{**vars(model), "weights": weights})


def load_architecture(folder: Path) -> FloatModel:
    """Read `architecture.json` of a model's folder (or that file): a model without weights.

    Raises:
        MynaError: the file is missing, not JSON, or describes no consistent network.
    """
    path = folder if folder.suffix == ".json" else folder / "architecture.json"
    try:
        text = json.loads(path.read_text("utf-8"))
        _expect_texts(text)
        layers = tuple(
            Layer(
                layer["name"],
                layer["op"],
                tuple(layer["inputs"]),
                {k: v for k, v in layer.items() if k not in ("name", "op", "inputs")},
            )
            for layer in text["layers"]
        )
        model = FloatModel(
            name=text["name"],
            labels=tuple(text["labels"]),
            audio=text["audio"],
            input_name=text["input"]["name"],
            input_shape=tuple(text["input"]["shape"]),
            layers=layers,
            output=text["output"],
            loss=text.get("loss", "classify"),
            softmax=bool(text.get("softmax", False)),
        )
    except FileNotFoundError as error:
        raise MynaError(
            "no such model", where=str(path), fix="name a folder with an architecture.json"
        ) from error
    except OSError as error:
        raise MynaError(
            f"cannot be read ({error.strerror})",
            where=str(path),
            fix="name a folder with an architecture.json",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MynaError(
            f"is not an architecture ({type(error).__name__}: {error})",
            where=str(path),
            fix="compare it with models/kws/architecture.json",
        ) from error
    check_model(model, path)
    return model


def _expect_texts(text: Mapping[str, Any]) -> None:
    """Raise a TypeError unless what must be text in an architecture is, and lists are lists."""
    named = [text["name"], text["input"]["name"], text["output"]]
    for layer in text["layers"]:
        named += [layer["name"], layer["op"], *layer["inputs"]]
    if not all(isinstance(name, str) for name in named):
        raise TypeError("names, ops and inputs must be text")
    if not (isinstance(text["labels"], list) and isinstance(text["audio"], dict)):
        raise TypeError("labels must be a list, and audio an object")


def save_model(model: FloatModel, folder: Path) -> None:
    """Write `architecture.json` and, if the model has weights, `float.npz`."""
    folder.mkdir(parents=True, exist_ok=True)
    save_architecture(model, folder)
    arrays: dict[str, Any] = {name: model.weights[name] for name in weight_shapes(model)}
    write_arrays(folder / "float.npz", **arrays)


def save_architecture(model: FloatModel, folder: Path) -> None:
    """Write `architecture.json`, one layer per line."""
    layers = [
        {"name": layer.name, "op": layer.op, "inputs": list(layer.inputs), **layer.attrs}
        for layer in model.layers
    ]
    head = {
        "name": model.name,
        "labels": list(model.labels),
        "audio": dict(model.audio),
        "input": {"name": model.input_name, "shape": list(model.input_shape)},
    }
    fields = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    listed = ",\n".join(f"    {json.dumps(layer)}" for layer in layers)
    fields += [f'  "layers": [\n{listed}\n  ]', f'  "output": {json.dumps(model.output)}']
    if model.loss != "classify":
        fields.append(f'  "loss": {json.dumps(model.loss)}')
    if model.softmax:
        fields.append('  "softmax": true')
    text = "{\n" + ",\n".join(fields) + "\n}\n"
    write_file(folder / "architecture.json", text.encode())


def shapes(model: FloatModel) -> dict[str, Shape]:
    """Shape of the input and of every layer's output, without the batch dimension."""
    known: dict[str, Shape] = {model.input_name: model.input_shape}
    for layer in model.layers:
        known[layer.name] = output_shape(layer, [known[name] for name in layer.inputs])
    return known


def weight_shapes(model: FloatModel) -> dict[str, Shape]:
    """Shape of every array in float.npz, in the order of the layers."""
    known, arrays = shapes(model), dict[str, Shape]()
    for layer in model.layers:
        if kind := weighted(layer):
            inputs = [known[name] for name in layer.inputs]
            arrays[f"{layer.name}/w"] = kind.weight_shape(layer.attrs, inputs)
            arrays[f"{layer.name}/b"] = known[layer.name][-1:]
    return arrays


def check_model(model: FloatModel, path: Path) -> None:
    """Raise a MynaError that names the first thing in an architecture that is wrong.

    Names become C identifiers, the model's own a file name; labels travel joined by newlines.
    """
    if not re.fullmatch(r"[A-Za-z][\w-]*", model.name, re.ASCII):
        _fail(path, model.name, "a name must be a letter, then letters, digits, - and _")
    if not NAME.fullmatch(model.input_name):
        _fail(path, model.input_name, BAD_NAME)
    if not all(isinstance(label, str) and label.isprintable() and label for label in model.labels):
        _fail(path, "labels", "a label must be printable text")
    known: dict[str, Shape] = {model.input_name: model.input_shape}
    for layer in model.layers:
        problem = next(problems(layer, known), None)
        if not problem and is_reserved(layer.name, [other.name for other in model.layers]):
            problem = "is what training calls a tensor of its own; choose another name"
        if problem:
            _fail(path, layer.name, problem)
        try:
            known[layer.name] = output_shape(layer, [known[name] for name in layer.inputs])
        except (ValueError, TypeError, ZeroDivisionError, IndexError) as error:
            _fail(path, layer.name, str(error) or "its attributes make no shape")
    if model.loss not in LOSSES:
        _fail(path, model.loss, f"loss is not one of {', '.join(LOSSES)}")
    _check_output(model, known.get(model.output), path)


def _check_output(model: FloatModel, made: Shape | None, path: Path) -> None:
    """Whether the output has the shape that the loss and the labels need."""
    if model.loss == "reconstruct":
        size = int(np.prod(model.input_shape))
        if model.labels or made != (size,):
            _fail(path, model.output, f"must have {size} outputs and no labels, not {made}")
    elif model.loss == "codeword":
        if model.labels or made is None or len(made) != 1 or made[0] > LONGEST_CODEWORD:
            most = f"at most {LONGEST_CODEWORD} outputs in one dimension"
            _fail(path, model.output, f"must have {most} and no labels, not {made}")
    elif made != (len(model.labels),):
        count = len(model.labels)
        _fail(path, model.output, f"output has shape {made}, but there are {count} labels")


def _fail(path: Path, item: str, what: str) -> NoReturn:
    raise MynaError(what, where=f"{path}, {item}", fix="correct the model's files")
