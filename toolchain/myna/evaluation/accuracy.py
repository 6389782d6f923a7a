# SPDX-License-Identifier: Apache-2.0
"""Accuracy of a pretrained model: on the test clips of held-out speakers, or on examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from myna.engines.reference import Reference
from myna.errors import MynaError
from myna.frontend.model import load_model
from myna.ir import Array
from myna.package.calibration import input_quant
from myna.package.example_file import FIX, SUFFIX, open_examples
from myna.passes.lowering.calibrate import forward
from myna.pretrain.testset import load_test
from myna.project import Project, open_project

Classify = Callable[[Array], int]


def _float(project: Project) -> Classify:
    network = load_model(project.folder)
    quant = input_quant(network, project.folder)

    def classify(features: Array) -> int:
        steps = features.reshape(network.input_shape).astype(np.float64) - quant.zero_point
        return int(forward(network, steps * quant.scale[0])[network.output].argmax())

    return classify


def _stream(project: Project) -> Classify:
    listening = open_project(project.folder, replace(project.asked, streaming=True))
    assert listening.streaming is not None
    library = listening.library()
    stream = library.stream(listening.streaming)
    return lambda features: int(stream.window(features)[: library.classes].argmax())


ENGINES: dict[str, Callable[[Project], Classify]] = {
    "float": _float,
    "reference": lambda project: Reference(project.program).predict,
    "host": lambda project: project.library().predict,
    "stream": _stream,
}


def _questions(project: Project, data: Path) -> tuple[Array, Array]:
    model = project.package.model.model
    if not model.labels:
        raise MynaError(
            "does not classify, so nothing that it says is right",
            where=f"model {model.name}",
            fix="use a model that classifies",
        )
    if data.suffix == SUFFIX:
        examples, quant = open_examples(data, project.folder)
        return examples.quantized(quant)
    if not model.audio:
        raise MynaError(
            "has no audio front end, so recordings say nothing to it",
            where=f"model {model.name}",
            fix=f"name examples: --data FILE.npz; {FIX}",
        )
    return load_test(data, model)


def accuracy_of(project: Project, data: Path, engine: str) -> tuple[float, int]:
    """Percent of the test clips or examples that an engine classifies right, and their number.

    Args:
        project: the compiled model.
        data: folder of recordings, of which the speakers of the test split are asked; or a file
            with ``features`` and ``labels``, which are asked as they are.
        engine: a key of ``ENGINES``.

    Raises:
        MynaError: the model does not classify, hears nothing but is given recordings, or there is
            nothing in `data` that it can be asked.
    """
    features, labels = _questions(project, data)
    classify = ENGINES[engine](project)
    right = sum(classify(x) == label for x, label in zip(features, labels.tolist(), strict=True))
    return 100 * right / len(labels), len(labels)
