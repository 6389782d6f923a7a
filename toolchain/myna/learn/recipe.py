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
class Recipe:
    """SGD over the stored clips, one clip a step, until they are learned well enough.

    To stop at a loss, not after so many steps, makes one recipe fit networks that learn at
    different speeds, and spares what was known before: it suffers with every step too many.

    Attributes:
        rate: learning rate.
        epochs: passes over the clips, at most.
        enough: mean loss of an epoch (nats) at which training ends.
    """

    rate: float = 0.002
    epochs: int = 24
    enough: float = 0.8

    def steps(self, clips: int) -> int:
        """Training steps over so many clips, at most."""
        return self.epochs * clips


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
        train: makes so many steps and returns their losses, in nats.

    Returns:
        the loss before each step.
    """
    set_state(RATE, rate_pair(recipe.rate))
    losses: list[Losses] = []
    while len(losses) < recipe.epochs:
        losses.append(train(clips))
        if losses[-1].mean() <= recipe.enough:
            break
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
