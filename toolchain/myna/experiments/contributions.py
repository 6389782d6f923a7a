# SPDX-License-Identifier: Apache-2.0
"""What training each layer brings, measured: every layer alone beside the head.

Source of the idea: Lin et al., "On-Device Training Under 256KB Memory" (NeurIPS 2022), who choose
the tensors of a sparse update by such measurements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from myna.evaluation.engine import HOST, EngineSpec
from myna.evaluation.evaluate import mean_difference
from myna.evaluation.personalization import WordsExam
from myna.experiments.variant import Variant, run
from myna.files import write_json
from myna.learn.examples import Progress
from myna.learn.recipe import Recipe
from myna.package.package import CONTRIBUTIONS
from myna.passes.pipeline import Options
from myna.passes.training.select import layers_of, trained_tensors
from myna.project import open_project

# few epochs, all of them, and a rate at which a layer alone makes a difference
RECIPE = Recipe(epochs=8, enough=0.0)
BODY_RATE = 0.01
SHOTS = 1


def measure(
    model: Path, exams: Sequence[WordsExam], jobs: int, progress: Progress
) -> dict[str, Any]:
    """Train each layer beside the head, for every user.

    Args:
        model: the model's folder.
        exams: of the users; their recipes are replaced.
        jobs: processes.
        progress: called with layers (done, total).

    Returns:
        the record that ``contributions.json`` holds: ``head`` (accuracy in percent, RAM in bytes,
        multiply-accumulates of a step), and ``layers``, where ``gain`` is in percentage points
        (mean, and half of its 95 % interval over users) and RAM and multiply-accumulates are
        what they take beyond the head's.

    Raises:
        MynaError: the model is missing or damaged.
    """
    options = Options(train="all", body_rate=BODY_RATE)
    tensors = trained_tensors(open_project(model, options).program.graph)
    *body, head = layers_of(tensors)
    progress(0, 1 + len(body))

    def variant(*layers: str) -> dict[str, Any]:
        names = [name for name in tensors if name.rpartition(".")[0] in layers]
        spec = EngineSpec(HOST, model, replace(options, train=",".join(names)))
        return run(Variant(layers[0], spec, RECIPE), exams, jobs, lambda *_: None)

    base = variant(head)
    layers: dict[str, Any] = {}
    for layer in body:
        layers[layer] = _beyond(variant(layer, head), base)
        progress(1 + len(layers), 1 + len(body))
    return {
        "speakers": base["speakers"],
        "head": {"accuracy": base["after"]["mean"], "ram": base["ram"], "macs": base["step_macs"]},
        "layers": layers,
    }


def save(model: Path, record: dict[str, Any]) -> Path:
    """Write a record where `quantized.load_package` looks for it; returns the file."""
    path = model / CONTRIBUTIONS
    write_json(path, record)
    return path


def _beyond(result: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """What a result has beyond another's, user by user."""
    gain = mean_difference(result["per_speaker"], base["per_speaker"], "after")
    return {
        "gain": round(gain["mean"] or 0.0, 6) + 0.0,  # no -0.0 of rounding errors
        "ci95": gain["ci95"],
        "ram": result["ram"] - base["ram"],
        "macs": result["step_macs"] - base["step_macs"],
    }
