# SPDX-License-Identifier: Apache-2.0
"""From a program's inference to one that takes in a few rows at a time, and computes no row twice.

Rows of a map are numbered as in a window that begins at the first row of input. What a layer sees
beyond the edges of a window is rows that are there, not padding: that is the only difference.

A layer works on the band of rows that its new rows need; those that came before are kept, once for
all who read them. What is joined waits for the latest, and so do means, to be of one window.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import lcm

import numpy as np

from myna.ir import Builder, Graph, Kind, Node, Operation
from myna.ops.band import Band, Delay, TakeRows
from myna.ops.requantize import Requantize, RequantizeBand
from myna.ops.sliding import packed_bytes
from myna.passes.check import check
from myna.passes.memory.plan import Arena, place_values, state_layout
from myna.passes.streaming.rules import (
    Reach,
    average_of,
    expect_rows,
    narrows,
    on_rows,
    reach_of,
    works_by_rows,
)
from myna.passes.streaming.upright import upright


@dataclass(frozen=True)
class StreamingProgram:
    """One step of an inference that streams, with every address decided.

    Attributes:
        graph: `period` new rows in, the logits of the latest window out. What is kept from step to
            step is its state, which is zeros at first; weights are those of the program that it was
            made of, under their names.
        period: rows of input that a step takes.
        warm_up: steps without logits, until all rows that count are rows that arrived.
        delay: rows of input behind the end of the window that logits are of.
        arena: where the values of a step are.
        state: offset of all that is kept.
        state_bytes: its size.
    """

    graph: Graph
    period: int
    warm_up: int
    delay: int
    arena: Arena
    state: Mapping[str, int]
    state_bytes: int


@dataclass(frozen=True)
class _Rows:
    """What a step makes of a map: rows first … first + count - 1 in step 0, the next in the next.

    `real`: the first row that depends on no row before the input's first.
    """

    first: int
    count: int
    real: int

    @property
    def last(self) -> int:
        return self.first + self.count - 1


def stream(graph: Graph) -> StreamingProgram:
    """An inference, up to the logits, on rows that arrive.

    Args:
        graph: whose first output are the logits; what else it does is left out.

    Raises:
        MynaError: a layer cannot work so, or nothing would be saved.
    """
    logits = graph.outputs[:1]
    planner = _Planner(upright(replace(graph, nodes=tuple(_ancestors(graph)), outputs=logits)))
    step = check(planner.build())
    when = planner.period, planner.warm_up, planner.delay
    return StreamingProgram(step, *when, place_values(step), *state_layout(step))


class _Planner:
    """Decides which rows each step makes, how many are kept, and builds the step."""

    def __init__(self, graph: Graph) -> None:
        self._graph, self._nodes = graph, graph.nodes
        self._source = graph.of_kind(Kind.INPUT)[0]
        self._reach: dict[str, Reach] = {}  # of the nodes that work by rows
        self.period = self._find_period()
        self._rows = {self._source.name: _Rows(0, self.period, 0)}
        for node in self._nodes:
            if node.name in self._reach:
                self._rows[node.outputs[0]] = self._made(node)
        self._window, self.warm_up = self._find_window()
        self.delay = (1 - self._window) * self.period - self._source.shape[0]
        self._kept = dict.fromkeys(self._rows, 0)  # rows before the new ones
        self._remade: frozenset[str] = frozenset()
        self._remade = self._count_kept()
        self._parts: dict[tuple[str, str], str] = {}  # what a node reads of a map

    def build(self) -> Graph:
        """The step."""
        self._build = Builder(Graph(f"{self._graph.name}.streaming", {}, (), self._graph.outputs))
        shape = (self.period, *self._source.shape[1:])
        self._build.tensor(replace(self._source, shape=shape))
        self._cut(self._source.name)
        for node in self._nodes:
            if node.name in self._reach:
                self._by_rows(node)
            else:
                self._of_window(node)
        return self._build.build()

    # -- when ----------------------------------------------------------------------------------

    def _find_period(self) -> int:
        """Rows of input after which every map has new rows; sees which nodes work by rows."""
        steps = {self._source.name: 1}  # rows of input from row to row
        for node in self._nodes:
            if works_by_rows(self._graph, node, steps):
                self._reach[node.name] = reach = reach_of(node.op)
                steps[node.outputs[0]] = steps[node.inputs[0]] * reach.stride
        expect_rows(self._graph, self._nodes, self._reach)
        return lcm(*steps.values())

    def _made(self, node: Node) -> _Rows:
        """The latest rows that can be made in step 0; what is joined waits for the latest."""
        reach, sources = self._reach[node.name], self._moving(node)
        count = sources[0].count // reach.stride
        firsts = (
            min(
                (x.last + reach.before - reach.size + 1) // reach.stride - count + 1,
                (x.first + reach.before) // reach.stride,
            )
            for x in sources
        )
        real = max(-(-(x.real + reach.before) // reach.stride) for x in sources)
        return _Rows(min(firsts), count, real)

    def _find_window(self) -> tuple[int, int]:
        """The window of step 0, counted in periods, and the first step with a window of real rows.

        All that read a whole window read the same one.
        """
        latest, warm = [], []
        for node in self._nodes:
            if node.name not in self._reach:
                for name in self._read(node):
                    rows, height = self._rows[name], self._graph.tensors[name].shape[0]
                    latest.append((rows.last - height + 1) // rows.count)
                    warm.append(-(-rows.real // rows.count))
        return min(latest), max(warm) - min(latest)

    def _count_kept(self) -> frozenset[str]:
        """See how many rows are kept of each map; which are made of such a map, and not kept.

        A map that is another one's in other units is made anew where the other one's rows are kept
        anyway.
        """
        for node in self._nodes:
            for name in self._read(node):
                self._kept[name] = max(self._kept[name], self._needs(node, name)[0])
        remade = set()
        for node in self._nodes:
            if node.name in self._reach and isinstance(node.op, Requantize):
                x, y = node.inputs[0], node.outputs[0]
                if 0 < self._kept[y] <= self._kept[x]:
                    remade.add(y)
        return frozenset(remade)

    def _needs(self, node: Node, name: str) -> tuple[int, int]:
        """Rows of a map that a node needs before the new ones, and how many in all."""
        rows, height = self._rows[name], self._graph.tensors[name].shape[0]
        if (reach := self._reach.get(node.name)) is not None:
            y = node.outputs[0]
            more = self._kept[y] if y in self._remade else 0
            first = (self._rows[y].first - more) * reach.stride - reach.before
            return rows.first - first, (self._rows[y].count + more - 1) * reach.stride + reach.size
        end = self._window * rows.count + height
        count = rows.count if self._average(node) else height
        return rows.first - (end - count), count

    # -- the step ------------------------------------------------------------------------------

    def _by_rows(self, node: Node) -> None:
        y, count = node.outputs[0], self._rows[node.outputs[0]].count
        made = f"{y}.band" if y in self._remade else y
        if made not in self._build.tensors:
            inputs = [self._input(node, name) for name in node.inputs]
            self._emit(node, on_rows(node.op, count), inputs, made)
        self._cut(y)

    def _of_window(self, node: Node) -> None:
        """A node that reads a whole window, or what was made of one."""
        inputs, y = [self._input(node, name) for name in node.inputs], node.outputs[0]
        average = self._average(node)
        if average is not None:
            height, width, channels = self._graph.tensors[node.inputs[0]].shape
            sums = np.zeros((height, packed_bytes(width, channels)), np.int8)
            inputs.append(self._build.state(f"{y}.sums", sums))
            inputs.append(self._build.state(f"{y}.total", np.zeros(channels, np.int32)))
        self._emit(node, average or node.op, inputs, y)

    def _average(self, node: Node) -> Operation | None:
        """What a mean over a whole window becomes."""
        return average_of(self._graph, node) if node.inputs[0] in self._rows else None

    def _input(self, node: Node, name: str) -> str:
        """What a node reads in the step in place of one of its tensors."""
        if name in self._rows:
            return self._parts[node.name, name]
        if name not in self._build.tensors:
            tensor = self._graph.tensors[name]
            if name in node.updates:
                return self._build.state(name, np.zeros(tensor.shape, tensor.dtype))
            self._build.tensor(replace(tensor, kind=Kind.CONST))
        return name

    def _cut(self, name: str) -> None:
        """What the readers of a map need of it, made at once: so bands do not live long."""
        band, kept = f"{name}.band", self._kept[name]
        readers = [node for node in self._nodes if name in node.inputs]
        if kept and name not in self._remade:
            x = self._build.tensors[name]
            state = self._build.state(f"{name}.kept", np.zeros((kept, *x.shape[1:]), x.dtype))
            if all(self._is_late(node, name) for node in readers):
                return self._delay(name, state, readers)
            self._build.node(band, Band(x.dtype), (name, state), (band, state))
            self._describe(band, name)
        for node in readers:
            before, count = self._needs(node, name)
            new = before == 0 and name not in self._remade
            rows, begin = (name, 0) if new else (band, kept - before)
            self._parts[node.name, name] = part = self._part(node, rows, begin, count)
            self._describe(part, name)

    def _is_late(self, node: Node, name: str) -> bool:
        """Whether it reads the first rows of a band, as many as are new, or narrows all of it."""
        remade = node.outputs[0] in self._remade and narrows(node.op)
        late, new = self._kept[name], self._rows[name].count
        return self._needs(node, name) == (late, late + new if remade else new)

    def _delay(self, name: str, state: str, readers: list[Node]) -> None:
        """The same where that is all that is read: without a band."""
        late, x = f"{name}.late", self._build.tensors[name]
        for node in readers:
            self._parts[node.name, name] = late
            if (y := node.outputs[0]) in self._remade and isinstance(node.op, Requantize):
                self._build.node(node.name, RequantizeBand(node.op), (state, name), (f"{y}.band",))
                self._describe(f"{y}.band", y)
        self._build.node(late, Delay(x.dtype), (name, state), (late, state))
        self._describe(late, name)

    def _part(self, reader: Node, name: str, begin: int, count: int) -> str:
        """Rows of a map, or of a band."""
        rows = self._build.tensors[name]
        if count == rows.shape[0]:
            return name
        part = f"{reader.name}.of.{name}"
        self._build.node(part, TakeRows(rows.dtype, begin, count), (name,), (part,))
        return part

    def _emit(self, node: Node, op: Operation, inputs: list[str], output: str) -> None:
        """A node that makes `output`, and updates what of its inputs is kept."""
        kept = [name for name in inputs if self._build.tensors[name].kind is Kind.STATE]
        self._build.node(node.name, op, inputs, (output, *kept))
        self._describe(output, node.outputs[0])

    def _describe(self, name: str, like: str) -> None:
        if (quant := self._graph.tensors[like].quant) is not None:
            self._build.requantized(name, quant)

    def _moving(self, node: Node) -> tuple[_Rows, ...]:
        return tuple(self._rows[name] for name in self._read(node))

    def _read(self, node: Node) -> Iterator[str]:
        """The maps whose rows arrive that a node reads."""
        return (name for name in node.inputs if name in self._rows)


def _ancestors(graph: Graph) -> Iterable[Node]:
    """What the logits depend on, in order."""
    needed, found = {graph.outputs[0]}, []
    for node in reversed(graph.nodes):
        if needed.intersection(node.outputs):
            needed.update(node.inputs)
            found.append(node)
    return reversed(found)
