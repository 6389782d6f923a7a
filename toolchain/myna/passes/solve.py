# SPDX-License-Identifier: Apache-2.0
"""Optimal offsets of buffers and optimal order of nodes, by constraint programming.

CP-SAT (OR-tools) solves both for what a microcontroller's network asks. One worker, a fixed seed
and a limit of counted instead of measured time make its answers the same everywhere. Import it only
where a heuristic has missed its lower bound: loading the solver takes a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from ortools.sat.python import cp_model

from myna.ir import Array
from myna.passes.arrange import Value

EFFORT = 10.0  # of one search, in CP-SAT's deterministic seconds, which are about real ones
Span: TypeAlias = tuple[int, int]


def offsets(sizes: Sequence[int], live: Sequence[Span], hint: Sequence[int]) -> list[int]:
    """Offsets of blocks of memory in as small an arena as the search finds.

    Args:
        sizes: of the blocks, in any unit.
        live: first and last moment of each.
        hint: offsets that fit; the result is no worse.
    """
    model, top = cp_model.CpModel(), _top(hint, sizes)
    peak = model.new_int_var(0, top, "peak")
    model.add_hint(peak, top)
    places, times, spaces = [], [], []
    for i, (size, (start, end)) in enumerate(zip(sizes, live, strict=True)):
        place = model.new_int_var(0, top - size, "")
        model.add_hint(place, hint[i])
        model.add(place + size <= peak)
        places.append(place)
        times.append(model.new_fixed_size_interval_var(start, end - start + 1, ""))
        spaces.append(model.new_fixed_size_interval_var(place, size, ""))
    model.add_no_overlap_2d(times, spaces)
    model.minimize(peak)
    return _solved(model, places) or list(hint)


def order(values: Sequence[Value], follows: Array, bounds: Span) -> list[int]:
    """An order of nodes with as small a peak of live memory as the search finds.

    Args:
        values: what takes memory.
        follows: which node comes after which in every order: bool [later, earlier].
        bounds: the least peak that may be, and one that is known to be possible.

    Returns:
        The nodes in order; as they are numbered, if the search ends without any.
    """
    model, count = cp_model.CpModel(), len(follows)
    earliest, latest = follows.sum(axis=1), count - 1 - follows.sum(axis=0)
    places = [model.new_int_var(int(earliest[i]), int(latest[i]), "") for i in range(count)]
    model.add_all_different(places)
    counted = follows.astype(int)
    for later, earlier in np.argwhere(follows & (counted @ counted == 0)):  # the rest follows
        model.add(places[later] > places[earlier])
    peak = model.new_int_var(*bounds, "peak")
    intervals = []
    for value in values:
        start, made = (0, 0) if value.maker is None else (places[value.maker], 1)
        end, length = (model.new_int_var(0, count, "") for _ in range(2))
        if value.readers is None:
            model.add(end == count)
        else:  # what an heir overwrites takes no memory beside the heir's result
            last = (places[node] + int(node not in value.heirs) for node in value.readers)
            model.add_max_equality(end, [start + made, *last])
        intervals.append(model.new_interval_var(start, length, end, ""))
    model.add_cumulative(intervals, [value.size for value in values], peak)
    model.minimize(peak)
    found = _solved(model, places) or range(count)
    return sorted(range(count), key=found.__getitem__)


def _top(offsets: Sequence[int], sizes: Sequence[int]) -> int:
    return max(offset + size for offset, size in zip(offsets, sizes, strict=True))


def _solved(model: cp_model.CpModel, variables: Sequence[cp_model.IntVar]) -> list[int]:
    """Values of variables in the best solution found; empty if none was."""
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = EFFORT
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return []
    return [solver.value(variable) for variable in variables]
