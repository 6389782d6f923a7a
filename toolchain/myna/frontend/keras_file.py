# SPDX-License-Identifier: Apache-2.0
"""Opens a `.keras` file that nobody vouches for.

Importing this module imports TensorFlow; `myna import` does, for such a file only.
"""

from __future__ import annotations

import json
import lzma
import os
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same rounding on every kind of CPU

from myna.errors import MynaError
from myna.tensorflow import keras

CONFIG = "config.json"
LARGEST = 1 << 28  # bytes that a file may unpack to: far more than any microcontroller holds
LONGEST = 1 << 22  # bytes of the description of a model
LAYERS = 300
SMALLER = "make the model smaller"
MODELS = ("Functional", "Sequential")
DATA = ("__keras_tensor__", "__tensor__", "__numpy__")
PARTS = ("keras.constraints", "keras.dtype_policies", "keras.initializers", "keras.regularizers")
CODE = ("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "__lambda__")
# What unpacking raises besides; encrypted and deeply nested files raise RuntimeError.
DAMAGED = (BadZipFile, zlib.error, lzma.LZMAError)
BRINGS_CODE = "runs code that the file brings along", "use Keras's own layers in its place"
SCALE_AND_SHIFT = "use BatchNormalization, which can be folded"
CONVOLVE = "use Conv1D over time instead"
INSTEAD = {
    "AdditiveAttention": CONVOLVE,
    "Attention": CONVOLVE,
    "Bidirectional": CONVOLVE,
    "Conv2DTranspose": "end with Dense layers instead",
    "ELU": "use ReLU",
    "Embedding": "embed before the network, and begin with the vectors",
    "GRU": CONVOLVE,
    "GroupNormalization": SCALE_AND_SHIFT,
    "LSTM": CONVOLVE,
    "LayerNormalization": SCALE_AND_SHIFT,
    "LeakyReLU": "use ReLU",
    "MultiHeadAttention": CONVOLVE,
    "Multiply": "use Add or Concatenate to join branches",
    "PReLU": "use ReLU",
    "Permute": "give the data in the order that the network needs",
    "SimpleRNN": CONVOLVE,
    "UnitNormalization": SCALE_AND_SHIFT,
    "UpSampling2D": "end with Dense layers instead",
}


def open_keras(path: Path, layers: Collection[str]) -> Any:
    """The model in a file, not compiled; nothing is deserialized before it has been looked through.

    Args:
        path: the file.
        layers: classes of Keras that it may name: ones that neither run code nor read files
            that their configuration names.

    Returns:
        keras.Model that has inputs and outputs: functional, or a Sequential one that is built.

    Raises:
        MynaError: the file is missing, damaged or too large, holds code, another layer or objects
            that are not Keras's own, or a model whose layers cannot be seen.
    """
    _look_through(path, layers)
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever a damaged file leads it to
        reason = (str(error).splitlines() or [""])[0][:200]
        raise MynaError(
            f"Keras cannot load it ({type(error).__name__}: {reason})",
            where=str(path),
            fix="save the model again: model.save(FILE)",
        ) from error
    if not getattr(model, "inputs", None) or not getattr(model, "outputs", None):
        raise MynaError(
            "is a model whose layers cannot be seen, because it has no input shape",
            where=str(path),
            fix="make it functional or Sequential, beginning with keras.Input(shape)",
        )
    return model


def unsupported(kind: str, where: str, layers: Collection[str]) -> MynaError:
    """The error that names a layer which Myna does not have, and what would do instead."""
    listed = f"use these only: {', '.join(sorted(layers))}"
    return MynaError(f"{kind} is not supported", where=where, fix=INSTEAD.get(kind, listed))


def _look_through(path: Path, layers: Collection[str]) -> None:
    """Raise a MynaError unless a file is of moderate size and names nothing but such layers."""
    number = 0
    for item in _objects(_configuration(path)):
        kind, module, name = str(item["class_name"]), item.get("module"), _name(item)
        number += kind not in MODELS and ("inbound_nodes" in item or module == "keras.layers")
        where = f"{path}, layer {number} ({name or kind})"
        if number > LAYERS:
            raise MynaError(f"has more than {LAYERS} layers", where=str(path), fix=SMALLER)
        if kind in CODE:
            raise MynaError(f"{kind} {BRINGS_CODE[0]}", where=where, fix=BRINGS_CODE[1])
        if kind in DATA or module in PARTS or (module == "keras" and kind == "DTypePolicy"):
            continue
        if not str(module).startswith("keras"):
            raise MynaError(
                f"{kind} of {module} is not one of Keras's own layers",
                where=where,
                fix="use Keras's own layers in its place",
            )
        if kind not in layers and kind not in MODELS:
            raise unsupported(kind, where, layers)


def _configuration(path: Path) -> Any:
    """The JSON that describes the model."""
    try:
        with ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size > LARGEST or archive.getinfo(CONFIG).file_size > LONGEST:
                raise MynaError(f"unpacks to {size:,} bytes", where=str(path), fix=SMALLER)
            return json.loads(archive.read(CONFIG))
    except FileNotFoundError as error:
        raise MynaError("there is no such file", where=str(path), fix="check the path") from error
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, *DAMAGED) as e:
        raise MynaError(
            f"is no .keras file ({type(e).__name__}: {e})",
            where=str(path),
            fix="save the model again: model.save(FILE)",
        ) from e


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    """Every object that a configuration describes, the outer ones first."""
    waiting = [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if "class_name" in item:
                yield item
            # what concerns training is not loaded
            waiting += [v for key, v in reversed(item.items()) if key != "compile_config"]
        elif isinstance(item, list):
            waiting += reversed(item)


def _name(item: dict[str, Any]) -> str:
    config = item.get("config")
    return str(config.get("name", "")) if isinstance(config, dict) else ""
