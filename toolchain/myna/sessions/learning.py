# SPDX-License-Identifier: Apache-2.0
"""Let a board learn: its clips replaced, its learning rate set, its state patched."""

from __future__ import annotations

import numpy as np

from myna import fixed
from myna.device.bodies import Learn
from myna.device.session import Board
from myna.errors import MynaError
from myna.ir import Array
from myna.learn.examples import Examples, Progress
from myna.learn.learn import Learned
from myna.learn.recipe import Recipe
from myna.names import RATE
from myna.passes.memory.plan import Program


def learn_on(
    session: Board, program: Program, recipe: Recipe, progress: Progress | None = None
) -> Learned:
    """Let a board learn the clips that it stores.

    Args:
        session: with the board.
        program: what it runs.
        recipe: how to learn.
        progress: called with steps (done, at most).
    """
    begun = session.status()

    def tell(step: int) -> None:
        done, usual = step - begun.step, recipe.usual_steps(begun.clips)
        if progress:
            progress(done, usual if done <= usual else recipe.steps(begun.clips))

    reply = session.learn(follow(session, program, recipe), tell if progress else None)
    return Learned.of(reply.imprinted, reply.worst, reply.known_before, reply.known_after)


def follow(session: Board, program: Program, recipe: Recipe) -> Learn:
    """Set a board's learning rate to a recipe's; the request that asks for the rest of it."""
    patch_state(session, program, RATE, rate_pair(recipe.rate))
    return Learn(
        recipe.enough_q16, int(recipe.vary), recipe.proximal, recipe.epochs, recipe.rehearsals
    )


def store_examples(session: Board, examples: Examples) -> None:
    """Replace all clips of a board by these, from slot 0 on.

    Raises:
        MynaError: there are more examples than clip slots; nothing has changed then.
    """
    require_slots(session, len(examples))
    session.clear_clips()
    for slot, (features, label) in enumerate(
        zip(examples.features, examples.labels.tolist(), strict=True)
    ):
        session.put_features(features, slot, label)


def require_slots(session: Board, clips: int, stored: int = 0) -> None:
    """Raise a MynaError unless the board has room for more clips beside those it stores."""
    slots = session.info.max_clips
    if clips + stored > slots:
        beside = f" beside the {stored} it holds" if stored else ""
        raise MynaError(
            f"the board stores at most {slots} clips, {clips} do not fit{beside}",
            where=session.link.name,
            fix="enroll fewer takes or fewer words",
        )


def patch_state(session: Board, program: Program, name: str, value: Array) -> None:
    """Assign a state tensor of a board."""
    tensor = program.graph.tensors[name]
    data = np.asarray(value, tensor.dtype).tobytes()
    session.patch_state(program.state[name], data)


def scalar(value: int) -> Array:
    """An integer as the state keeps it, int32[1]."""
    return np.array([value], np.int32)


def rate_pair(rate: float) -> Array:
    """A learning rate as the state keeps it, int32[2]."""
    return np.array(fixed.pair_from_float(rate), np.int32)
