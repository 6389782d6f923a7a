# SPDX-License-Identifier: Apache-2.0
"""A state that goes some way back to the base: no integer further than asked, none beyond."""

from __future__ import annotations

import numpy as np
import pytest
from myna.errors import MynaError
from myna.learn.base import Base
from myna.learn.vector import from_vector, to_vector
from myna.names import SEED
from myna.project import open_project
from support import tiny_model


class Holder:
    """Of a state block."""

    block = b""

    def read_state(self) -> bytes:
        return self.block

    def write_state(self, block: bytes) -> None:
        self.block = block


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


def test_without_a_base_there_is_no_way_back() -> None:
    with pytest.raises(MynaError, match="knows no state"):
        Base(open_project(tiny_model.folder()).program, Holder()).retreat(64)
