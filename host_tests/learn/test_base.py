# SPDX-License-Identifier: Apache-2.0
"""What was not sent, which waits; and a state that goes some way back to the base."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from myna.errors import MynaError
from myna.ir import Array
from myna.learn import codec
from myna.learn.base import Base
from myna.learn.vector import averaged, from_vector, to_vector
from myna.names import SEED
from myna.passes.memory.plan import Program
from myna.project import open_project
from support import tiny_model


class Holder:
    """Of a state block."""

    block = b""

    def read_state(self) -> bytes:
        return self.block

    def write_state(self, block: bytes) -> None:
        self.block = block


def unclamped(program: Program, start: bytes) -> Array:
    """The integers of a state that may move by a thousand either way, most of all."""
    known = to_vector(program, start).astype(np.int64)
    there = [to_vector(program, from_vector(program, start, known + d)) for d in (-1000, 1000)]
    free = (there[0] == known - 1000) & (there[1] == known + 1000)
    assert free.mean() > 0.8
    return np.asarray(free)


@pytest.mark.parametrize("private", [(), ("logits.w", "threshold")])
def test_what_is_not_sent_waits_apart_until_it_is(private: tuple[str, ...]) -> None:
    """All that was learned arrives, and every round learns from the base, but what is private."""
    project, holder, rng = open_project(tiny_model.folder()), Holder(), np.random.default_rng(2)
    program, start = project.program, project.library().read_state()
    parts, free = averaged(program), unclamped(program, start)
    is_told = np.repeat([p.tensor not in private for p in parts], [p.size for p in parts])
    base = Base(program, holder)
    base.set(start)
    learned = sent = np.zeros(is_told.size, np.int64)
    for budget in (80, 90, 70, 100_000):
        state = to_vector(program, holder.block)
        holder.block = from_vector(program, start, state + rng.integers(-200, 200, state.size))
        learned = learned + to_vector(program, holder.block) - state
        data = base.make_update(budget, private)
        assert len(data) <= budget
        sent = sent + codec.decode(program, start, data)
        left = to_vector(program, holder.block) - to_vector(program, start)
        assert left.tolist() == np.where(is_told, 0, learned).tolist()
    assert sent[free].tolist() == np.where(is_told, learned, 0)[free].tolist()


def test_a_difference_moves_all_and_leaves_what_was_not_sent() -> None:
    project, holder = open_project(tiny_model.folder()), Holder()
    program, start = project.program, project.library().read_state()
    known, free = to_vector(program, start).astype(np.int64), unclamped(program, start)
    base = Base(program, holder)
    base.set(start)
    holder.block = from_vector(program, start, known + 100)
    base.make_update(80)
    base.swap_unsent()
    unsent = to_vector(program, holder.block) - known
    base.swap_unsent()
    assert unsent[free].any()
    data, _ = codec.encode(program, start, from_vector(program, start, known - 50), 10**5)
    base.apply_difference(data)
    assert (to_vector(program, holder.block) == known - 50)[free].all()
    base.swap_unsent()
    assert (to_vector(program, holder.block) == known - 50 + unsent)[free].all()


@pytest.mark.parametrize("share", [0, 1, 64, 255, 256])
def test_it_goes_back_by_a_share_and_leaves_settings_alone(share: int) -> None:
    project, holder = open_project(tiny_model.folder()), Holder()
    program, start = project.program, project.library().read_state()
    base = Base(program, holder)
    base.set(start)
    known = to_vector(program, start).astype(np.int64)
    moved = known + np.random.default_rng(share).integers(-400, 400, known.size)
    values = program.unpack(from_vector(program, start, moved))
    values[SEED][0] = 77
    holder.block = program.pack(values)
    apart = to_vector(program, holder.block) - known
    base.retreat(share)
    left = to_vector(program, holder.block) - known
    wanted = apart * (256 - share) / 256
    assert (np.abs(left) <= np.abs(wanted)).all()
    assert (np.abs(left - wanted) < 1).all()
    assert program.unpack(holder.block)[SEED][0] == 77


def test_without_a_base_there_is_no_way_back_and_nothing_unsent() -> None:
    base = Base(open_project(tiny_model.folder()).program, Holder())
    for ask in (partial(base.retreat, 64), base.swap_unsent):
        with pytest.raises(MynaError, match="knows no state"):
            ask()
