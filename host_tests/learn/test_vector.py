# SPDX-License-Identifier: Apache-2.0
"""A state block as integers, and back."""

from __future__ import annotations

import numpy as np
import pytest
from myna.learn.vector import Form, averaged, from_vector, parts, to_vector, trained_weights
from myna.names import THRESHOLD
from myna.ops.ranges import RANGE_FLOOR
from myna.passes.execute import initial_values
from myna.passes.memory.plan import Program
from myna.passes.pipeline import Options
from myna.project import open_project
from support import tiny_model


def built(of: Program) -> bytes:
    return of.pack(initial_values(of.graph))


def test_planes_without_a_residual_keep_whole_steps() -> None:
    of = open_project(tiny_model.folder(), Options(train="all", int8_weights=("stem_a",))).program
    values = of.unpack(built(of))
    assert "stem_a.w.residual" not in values
    values["stem_a.w"].flat[:4] = 5, 5, -5, -5
    start = of.pack(values)
    vector = to_vector(of, start).astype(np.int64)
    pattern = 256 * np.array([5, 5, -5, -5])
    (first,) = (i for i in range(vector.size) if np.array_equal(vector[i : i + 4], pattern))
    vector[first : first + 4] += 127, 128, -128, -129
    found = of.unpack(from_vector(of, start, vector))["stem_a.w"]
    assert found.flat[:4].tolist() == [5, 6, -5, -6]


def test_weights_are_counted_once() -> None:
    of = open_project(tiny_model.folder(), tiny_model.HEAD).program
    weight, bias = of.graph.tensors["logits.w"], of.graph.tensors["logits.b"]
    assert trained_weights(of) == weight.size + bias.size


def test_every_byte_of_a_state_belongs_to_one_part() -> None:
    of = open_project(tiny_model.folder(), Options(train="all")).program
    names = [name for part in parts(of) for name in (part.tensor, part.residual) if name]
    assert sorted(names) == sorted(of.state)
    assert {part.form for part in parts(of)} == set(Form)


@pytest.mark.parametrize("exponent", [-(2**28), RANGE_FLOOR - 1, 64, 2**28])
def test_what_is_out_of_range_is_read_at_the_end_of_its_range(exponent: int) -> None:
    """A state may hold it, its integer would not be one of 32 bits."""
    of = open_project(tiny_model.folder(), Options(train="all")).program
    ranges = [part for part in averaged(of) if part.form is Form.RANGE]
    values = of.unpack(built(of))
    for part in ranges:
        values[part.tensor][:] = 2**30, exponent
    values[THRESHOLD][0] = -(2**31)
    read = to_vector(of, of.pack(values)).tolist()
    end = ranges[0].low if exponent < 0 else ranges[0].high
    assert read.count(end) == len(ranges)
    assert -(2**16) in read
