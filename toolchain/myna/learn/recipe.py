# SPDX-License-Identifier: Apache-2.0
"""How a device is trained on a user's clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from myna.ir import Array
from myna.learn.engine import Engine, Losses, rate_pair, scalar
from myna.learn.examples import Examples
from myna.passes.autodiff import CLASSES
from myna.passes.tape import RATE, SEED, STEP


@dataclass(frozen=True)
class Phase:
    """Some epochs at one learning rate."""

    epochs: int
    rate: float


@dataclass(frozen=True)
class Recipe:
    """SGD over the stored clips, batch 1, the learning rate in steps."""

    phases: tuple[Phase, ...] = (Phase(8, 0.002),)

    def steps(self, clips: int) -> int:
        """Training steps over so many clips."""
        return sum(phase.epochs for phase in self.phases) * clips


def follow(
    recipe: Recipe,
    clips: int,
    set_state: Callable[[str, Array], None],
    train: Callable[[int], Losses],
) -> Losses:
    """Train by a recipe.

    Args:
        recipe: how to train.
        clips: how many clips there are, at least 1.
        set_state: assigns a state tensor.
        train: makes so many steps and returns their losses.

    Returns:
        the loss before each step.
    """
    losses = []
    for phase in recipe.phases:
        set_state(RATE, rate_pair(phase.rate))
        losses.append(train(phase.epochs * clips))
    return np.concatenate(losses)


def enroll(
    engine: Engine, examples: Examples, classes: int, recipe: Recipe, seed: int = 1
) -> Losses:
    """Train an engine on a user's examples.

    Args:
        engine: as built, or trained before.
        examples: what the user said.
        classes: how many classes are in use from now on.
        recipe: how to train.
        seed: of the order of examples and of stochastic rounding.

    Returns:
        the loss before each step, in nats.
    """
    for name, value in ((CLASSES, classes), (SEED, seed), (STEP, 0)):
        engine.set_state(name, scalar(value))
    return follow(
        recipe, len(examples), engine.set_state, lambda steps: engine.train(examples, steps)
    )
