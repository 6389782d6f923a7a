# SPDX-License-Identifier: Apache-2.0
"""Accuracy of a pretrained model on the test clips of held-out speakers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from myna.engines.reference import Reference
from myna.frontend.model import load_model
from myna.ir import Array
from myna.passes.lowering.calibrate import forward
from myna.pretrain.testset import load_test
from myna.project import Project

Classify = Callable[[Array], int]


def _float(project: Project) -> Classify:
    network, scale = load_model(project.folder), project.package.front_end.scale

    def classify(features: Array) -> int:
        inputs = features.reshape(network.input_shape) * np.float64(scale)
        return int(forward(network, inputs)[network.output].argmax())

    return classify


ENGINES: dict[str, Callable[[Project], Classify]] = {
    "float": _float,
    "reference": lambda project: Reference(project.program).predict,
    "host": lambda project: project.library().predict,
}


def accuracy_of(project: Project, data: Path, engine: str) -> tuple[float, int]:
    """Percent of the test clips that an engine classifies right, and their number.

    Args:
        project: the compiled model.
        data: folder of recordings; the test speakers are those of the official split.
        engine: a key of ``ENGINES``.
    """
    features, labels = load_test(data, project.package.model.model)
    classify = ENGINES[engine](project)
    right = sum(classify(x) == label for x, label in zip(features, labels.tolist(), strict=True))
    return 100 * right / len(labels), len(labels)
