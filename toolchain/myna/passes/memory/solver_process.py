# SPDX-License-Identifier: Apache-2.0
"""Optimal offsets of buffers and optimal order of nodes, by constraint programming.

CP-SAT (OR-tools) solves both for what a microcontroller's network asks. One worker, a fixed seed
and a limit of counted instead of measured time make its answers the same everywhere. It runs in a
process of its own, ``python -m myna.passes.memory.solver_process`` with lines of JSON on both
ends: its library and TensorFlow bring the same C++ libraries in different versions, and crash where
both are loaded. See
`solver` for the other end.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from ortools.sat.python import cp_model

EFFORT = 2.0  # of one search, in CP-SAT's deterministic seconds, which are about real ones
Span: TypeAlias = tuple[int, int]
Value: TypeAlias = tuple[int, int | None, Sequence[int] | None, Sequence[int]]


def offsets(sizes: Sequence[int], live: Sequence[Span], hint: Sequence[int]) -> list[int]:
    """Offsets of blocks of memory in as small an arena as the search finds.

    Args:
        sizes: of the blocks, in any unit.
        live: first and last moment of each.
        hint: offsets that fit; the result is no worse.
    """
    model = cp_model.CpModel()
    top = max(offset + size for offset, size in zip(hint, sizes, strict=True))
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


def order(
    values: Sequence[Value], follows: Sequence[Span], spans: Sequence[Span], bounds: Span
) -> list[int]:
    """An order of nodes with as small a peak of live memory as the search finds.

    Args:
        values: what takes memory: size, the node that makes it (null for an input), the nodes that
            read it (null for what is kept to the end), and those of them that may write a result in
            its place.
        follows: pairs of nodes; the first must come after the second.
        spans: earliest and latest place of every node.
        bounds: the least peak that may be, and one that is known to be possible.

    Returns:
        The nodes in order; as they are numbered, if the search ends without any.
    """
    model, count = cp_model.CpModel(), len(spans)
    places = [model.new_int_var(*span, "") for span in spans]
    model.add_all_different(places)
    for later, earlier in follows:
        model.add(places[later] > places[earlier])
    peak = model.new_int_var(*bounds, "peak")
    intervals = []
    for _, maker, readers, heirs in values:
        start, made = (0, 0) if maker is None else (places[maker], 1)
        end, length = (model.new_int_var(0, count, "") for _ in range(2))
        if readers is None:
            model.add(end == count)
        else:  # what an heir overwrites takes no memory beside the heir's result
            last = (places[node] + int(node not in heirs) for node in readers)
            model.add_max_equality(end, [start + made, *last])
        intervals.append(model.new_interval_var(start, length, end, ""))
    model.add_cumulative(intervals, [size for size, *_ in values], peak)
    model.minimize(peak)
    found = _solved(model, places) or range(count)
    return sorted(range(count), key=found.__getitem__)


def _solved(model: cp_model.CpModel, variables: Sequence[cp_model.IntVar]) -> list[int]:
    """Values of variables in the best solution found; empty if none was."""
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = EFFORT
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return []
    return [solver.value(variable) for variable in variables]


TASKS: Mapping[str, Callable[..., list[int]]] = {"offsets": offsets, "order": order}

if __name__ == "__main__":
    for question in sys.stdin:
        task, arguments = json.loads(question)
        print(json.dumps(TASKS[task](**arguments)), flush=True)
