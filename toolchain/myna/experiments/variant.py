# SPDX-License-Identifier: Apache-2.0
"""Ways to learn, compared on the same users: what each achieves, and what it costs on a chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from myna.evaluation.engine import EngineSpec
from myna.evaluation.evaluate import by_user, examine_all, summarize
from myna.evaluation.personalization import FIELDS, WordsExam
from myna.learn.examples import Progress
from myna.learn.recipe import Recipe
from myna.passes.macs import macs
from myna.passes.memory.plan import Program
from myna.project import open_project


@dataclass(frozen=True)
class Variant:
    """One way to learn.

    Attributes:
        name: of its row in a table.
        spec: what learns.
        recipe: how.
    """

    name: str
    spec: EngineSpec
    recipe: Recipe = field(default_factory=Recipe)


def run(
    variant: Variant, exams: Sequence[WordsExam], jobs: int, progress: Progress
) -> dict[str, Any]:
    """Let every user learn and be examined.

    Returns:
        the variant's name, its `costs`, and the means and users of `evaluate.summarize`.

    Raises:
        MynaError: the engine cannot be made, or an option does not fit the model.
    """
    own = [replace(exam, recipe=variant.recipe) for exam in exams]
    people = by_user(examine_all(variant.spec, own, jobs, progress), FIELDS)
    program = open_project(variant.spec.model, variant.spec.options).program
    return {"name": variant.name, **costs(program), **summarize(people, FIELDS)}


def costs(program: Program) -> dict[str, int]:
    """What a program takes on a chip: bytes, and multiply-accumulates of one training step.

    A rehearsed memory enters behind the layers that training leaves alone, so its step takes less.
    """
    graph, step = program.graph, program.train_nodes
    latents, labels = program.replay.latents, program.replay.labels
    return {
        "arena": program.arena_bytes,
        "state": program.state_bytes,
        "ram": program.ram_bytes,
        "memories": len(labels),
        "memory_bytes": latents.nbytes + labels.nbytes,
        "inference_macs": macs(graph, graph.nodes[: program.forward_nodes]),
        "step_macs": macs(graph, graph.nodes[:step]),
        "rehearsal_macs": macs(graph, graph.nodes[program.latent.node : step]),
    }
