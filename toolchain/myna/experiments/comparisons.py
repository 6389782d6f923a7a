# SPDX-License-Identifier: Apache-2.0
"""The comparisons of DESIGN.md: what to train, and what each choice about training is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from myna.evaluation.engine import FLOAT, HOST, EngineSpec
from myna.experiments.simulate import SimulatedSpec
from myna.experiments.variant import Variant
from myna.learn.recipe import Recipe
from myna.passes.pipeline import Options
from myna.passes.training.hindsight import RangeMode

PLANS = ("head", "bias", "last-3", "sparse-3", "all")
FASTER = ("sparse-3", "all")
SHOTS = (1, 3, 5)
# rates of the layers below the head, as parts of the head's: one is careful, one shows what harm is
CAREFUL, FAST = 0.001, 0.01


@dataclass(frozen=True)
class Part:
    """Variants that the same users go through.

    Attributes:
        title: what is compared.
        shots: takes of each new word.
        variants: rows; the first is what the others differ from.
    """

    title: str
    shots: int
    variants: Sequence[Variant]


def what_to_train(model: Path) -> list[Part]:
    """All plans, for users who teach new words in 1, 3 or 5 takes."""
    variants = [_of_plan(plan, model, plan, CAREFUL) for plan in PLANS]
    variants += [_of_plan(f"{plan}, body × 10", model, plan, FAST) for plan in FASTER]
    return [Part(f"{shots} shots", shots, variants) for shots in SHOTS]


def _of_plan(name: str, model: Path, plan: str, body_rate: float) -> Variant:
    return Variant(name, EngineSpec(HOST, model, Options(train=plan, body_rate=body_rate)))


def ablation(model: Path) -> list[Part]:
    """Each choice alone, against the product: of whole-network training, and of enrollment."""
    return [
        Part("whole-network training, 1 shot", 1, _whole_network(model)),
        Part("enrollment, head trained, 1 shot", 1, _enrollment(model)),
    ]


def _whole_network(model: Path) -> list[Variant]:
    """Gradients and updates, all layers trained at a high rate for a fixed number of epochs."""
    base = Options(train="all", body_rate=FAST)
    recipe = Recipe(enough=0.0)
    choices = {
        "as shipped": base,
        "ranges: plain in hindsight": replace(base, ranges=RangeMode.PLAIN),
        "ranges: dynamic (two passes)": replace(base, ranges=RangeMode.DYNAMIC),
        "headroom 1": replace(base, headroom=1.0),
        "headroom 1.5": replace(base, headroom=1.5),
        "headroom 4": replace(base, headroom=4.0),
        "all activations stored": replace(base, store_all=True),
    }
    simulated = {
        "updates rounded to nearest": "nearest",
        "8-bit masters, stochastic": "8 bits",
        "8-bit masters, nearest": "8 bits, nearest",
        "momentum 0.9": "momentum",
    }
    return [
        *(Variant(name, EngineSpec(HOST, model, o), recipe) for name, o in choices.items()),
        *(_simulated(name, model, base, core, recipe) for name, core in simulated.items()),
        Variant("float32", EngineSpec(FLOAT, model, base), recipe),
    ]


def _enrollment(model: Path) -> list[Variant]:
    """What surrounds the gradients, of the head alone."""
    head = Options(train="head")
    spec = EngineSpec(HOST, model, head)
    recipes = {
        "as shipped": Recipe(),
        "no rehearsal": Recipe(rehearsals=0),
        "2 rehearsals a step": Recipe(rehearsals=2),
        "no variation": Recipe(vary=False),
    }
    return [
        *(Variant(name, spec, recipe) for name, recipe in recipes.items()),
        _simulated("no imprinting", model, head, "no imprint", Recipe()),
        _simulated("batches of 8 steps", model, head, "batch", Recipe()),
        _simulated("rate falls, a half after 40 steps", model, head, "falling", Recipe()),
        Variant("float32", EngineSpec(FLOAT, model, head)),
        _simulated("float32, memories distilled", model, head, "distilling", Recipe(), FLOAT),
    ]


def _simulated(
    name: str, model: Path, options: Options, core: str, recipe: Recipe, engine: str = HOST
) -> Variant:
    return Variant(f"{name} (simulated)", SimulatedSpec(engine, model, options, core=core), recipe)


COMPARISONS: Mapping[str, Callable[[Path], list[Part]]] = {
    "what-to-train": what_to_train,
    "ablation": ablation,
}
