# SPDX-License-Identifier: Apache-2.0
"""How a model is trained: the numbers, kept beside its architecture in recipe.json."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

from myna.errors import MynaError


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters of one training run.

    Attributes:
        epochs: passes over `per_class` examples of every class.
        per_class: examples of each class in an epoch.
        prepared: augmented recorded examples prepared of each class before training.
        synthetic_voices: espeak-ng voices that speak the architecture's own labels; a third of
            them also speak other English words as unknown. 0 needs no espeak-ng.
        invented_words, invented_takes: words of the word head that nobody says, and the synthetic
            voices that say each (`vocabulary`). 0 words need no espeak-ng.
        batch: examples in a step.
        rate: peak learning rate.
        decay: weight decay of AdamW.
    """

    epochs: int = 60
    per_class: int = 1000
    prepared: int = 8000
    synthetic_voices: int = 0
    invented_words: int = 0
    invented_takes: int = 8
    batch: int = 128
    rate: float = 4e-3
    decay: float = 1e-2


def load_recipe(folder: Path) -> Recipe:
    """The recipe in a model's folder, or the default one if the folder has none.

    Raises:
        MynaError: recipe.json is unreadable or has unknown or non-numeric fields.
    """
    path = folder / "recipe.json"
    if not path.exists():
        return Recipe()
    known = {field.name for field in fields(Recipe)}
    try:
        values = json.loads(path.read_text("utf-8"))
        if not values.keys() <= known or not all(value >= 0 for value in values.values()):
            raise ValueError(f"fields {sorted(values)} with values {list(values.values())}")
        return Recipe(**values)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise MynaError(
            f"is not a recipe ({error})",
            where=str(path),
            fix=f"use numbers, 0 or more, for some of: {', '.join(sorted(known))}",
        ) from error
