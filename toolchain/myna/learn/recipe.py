# SPDX-License-Identifier: Apache-2.0
"""How a device is trained on a user's clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from myna.ir import Array
from myna.learn.engine import Engine, Losses, order, rate_pair, scalar
from myna.learn.examples import Examples
from myna.passes.autodiff import CLASSES
from myna.passes.tape import RATE, SEED, STEP


@dataclass(frozen=True)
class Recipe:
    """SGD over the stored clips, one clip a step, until every word is learned well enough.

    To stop at a loss, not after so many steps, makes one recipe fit networks that learn at
    different speeds, and spares what was known before: it suffers with every step too many. The
    word that is learned worst decides, because many that are known would hide it in a mean.

    Attributes:
        rate: learning rate.
        epochs: passes over the clips, at most.
        enough: mean loss of a word's clips during an epoch (nats); training ends when none has
            more.
    """

    rate: float = 0.002
    epochs: int = 24
    enough: float = 1.0

    def steps(self, clips: int) -> int:
        """Training steps over so many clips, at most."""
        return self.epochs * clips


def follow(
    recipe: Recipe,
    words: Sequence[int],
    set_state: Callable[[str, Array], None],
    train: Callable[[int], Losses],
    seed: int = 1,
    step: int = 0,
) -> Losses:
    """Train by a recipe.

    Args:
        recipe: how to train.
        words: what is said in each clip, in order of slots: any numbers, equal for equal words.
        set_state: assigns a state tensor.
        train: makes so many steps and returns their losses, in nats.
        seed: of the order of clips and of stochastic rounding.
        step: number of the first step.

    Returns:
        the loss before each step.
    """
    count, said = len(words), np.array(words)
    for name, value in ((SEED, seed), (STEP, step)):
        set_state(name, scalar(value))
    set_state(RATE, rate_pair(recipe.rate))
    losses: list[Losses] = []
    for epoch in range(recipe.epochs):
        losses.append(train(count))
        seen = said[order(count, seed, step + epoch * count, count)]
        if max(losses[-1][seen == word].mean() for word in set(seen.tolist())) <= recipe.enough:
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

    def train(steps: int) -> Losses:
        return engine.train(examples, steps)

    engine.set_state(CLASSES, scalar(classes))
    return follow(recipe, examples.labels.tolist(), engine.set_state, train, seed)
