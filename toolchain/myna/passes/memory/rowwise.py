# SPDX-License-Identifier: Apache-2.0
"""Compute what is not trained row by row: few rows of each map exist at a time, as in a wave.

Row r of a map is made as soon as the rows that it needs exist, and forgotten when nothing needs it
any more. Nothing is computed twice but what narrows a stream, which keeps no rows of its own. The
kernel follows the same rule, and so the number of rows to keep is found by playing it through.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from myna.errors import MynaError
from myna.ir import Builder, Graph, Kind, Node, Operation, Tensor
from myna.names import IMPRINT, LOSS, ROWS, WRAPS
from myna.ops.concat import Concat
from myna.ops.conv2d import Conv2D
from myna.ops.coupling import Couple
from myna.ops.depthwise import DepthwiseConv2D
from myna.ops.layer import Layer
from myna.ops.pool import AveragePool
from myna.ops.requantize import Requantize
from myna.ops.rows import MAX_STAGES, Ring, Rows, joined, kind_of
from myna.passes.training.replay import find_latent

ABLE = (Conv2D, DepthwiseConv2D, Couple, AveragePool)


def rowwise(graph: Graph) -> Graph:
    """The same step, with all that lies before the latent as one node.

    The graph is returned as it is where that cannot be: something there is trained or read later,
    or is no layer that works by rows and ends in means of whole maps.

    Args:
        graph: a training step, and perhaps a node that imprints.
    """
    names = [node.name for node in graph.nodes]
    train = names.index(IMPRINT) if IMPRINT in names else len(names)
    latent = find_latent(graph, names.index(LOSS), train)
    before, after = graph.nodes[: latent.node], graph.nodes[latent.node :]
    layers = tuple(node for node in before if not isinstance(node.op, Concat))
    if not _able(graph, layers, before, after):
        return graph
    build = Builder(graph)
    build.nodes = []
    if WRAPS not in build.tensors:
        build.state(WRAPS, np.zeros(1, np.int32))
    constants = [
        graph.tensors[n] for node in layers if isinstance(node.op, Layer) for n in node.inputs[1:]
    ]
    data = [tensor.data for tensor in constants if tensor.data is not None]
    blobs = [build.const(f"{ROWS}.{t}", joined(data, t)) for t in ("int8", "int32")]
    source = layers[0].inputs[0]
    maps = tuple(graph.tensors[n] for n in (source, *(node.outputs[0] for node in layers)))
    op = _op(layers, maps, tuple(replace(t, kind=Kind.VALUE, data=None) for t in constants))
    work = (f"{ROWS}.narrow", f"{ROWS}.wide", f"{ROWS}.sums")
    build.node(ROWS, op, (source, *blobs, WRAPS), (latent.tensor, *work, WRAPS))
    return build.build().with_nodes((*build.nodes, *after))


def _able(
    graph: Graph, layers: Sequence[Node], before: Sequence[Node], after: Sequence[Node]
) -> bool:
    made = {name for node in before[:-1] for name in node.outputs if name != WRAPS}
    frozen = all(
        graph.tensors[n].kind is Kind.CONST
        for node in layers
        if isinstance(node.op, Layer)
        for n in node.inputs[1:]
    )
    return (
        bool(layers)
        and len(layers) < MAX_STAGES
        and frozen
        and all(_works_by_rows(node.op) for node in layers)
        and not made.intersection(name for node in after for name in node.inputs)
        and _ends_in_means(graph, layers, before)
    )


def _works_by_rows(op: Operation) -> bool:
    """Whether the kernel has a rule for it; of activations only for those at an end of a stream."""
    if isinstance(op, Requantize):
        return op.from_type != op.to_type
    return isinstance(op, ABLE)


def _ends_in_means(graph: Graph, layers: Sequence[Node], before: Sequence[Node]) -> bool:
    """Whether the latent is the means of whole maps, joined in the order in which they are made."""
    means = [node for node in layers if isinstance(node.op, AveragePool)]
    whole = all(_is_whole(m.op, graph.tensors[m.inputs[0]]) for m in means)
    joined = [n for node in before if isinstance(node.op, Concat) for n in node.inputs]
    read = {name for node in layers for name in node.inputs}
    names = [m.outputs[0] for m in means]
    return (
        whole and not read.intersection(names) and (joined == names if joined else len(means) == 1)
    )


def _is_whole(op: Operation, x: Tensor) -> bool:
    assert isinstance(op, AveragePool)
    return op.window.kernel == x.shape[:2] and not any(op.window.padding)


@cache  # the steps that a search for RAM compares often begin alike
def _op(layers: tuple[Node, ...], maps: tuple[Tensor, ...], constants: tuple[Tensor, ...]) -> Rows:
    wave = _Wave(layers, maps)
    wave.run()
    rings, window_at, sizes = wave.layout()
    return Rows(layers, maps, constants, rings, window_at, sizes)


class _Wave:
    """Plays the kernel's rule through.

    Maps are numbered, 0 is the input. `home` is the map in whose ring one's rows are: couplings
    work in place.
    """

    def __init__(self, layers: Sequence[Node], maps: Sequence[Tensor]) -> None:
        self._layers, self._maps = layers, maps
        places = {t.name: i for i, t in enumerate(maps)}
        self._x = [0, *(places[node.inputs[0]] for node in layers)]
        self._branch = {
            i: places[node.inputs[1]]
            for i, node in enumerate(layers, 1)
            if isinstance(node.op, Couple)
        }
        self._rule = [("input", 1, 0), *map(kind_of, layers)]
        self._height = [maps[0].shape[0], *(maps[x].shape[0] for x in self._x[1:])]
        for i, node in enumerate(layers, 1):
            if not isinstance(node.op, AveragePool):
                self._height[i] = maps[i].shape[0]
        self._home = list(range(len(maps)))
        for i in self._branch:
            self._home[i] = self._home[self._x[i]]
        self._readers = [tuple(self._reading(i)) for i in range(len(maps))]
        self._made = [self._height[0], *(0 for _ in layers)]
        self.slots = [0] * len(maps)
        self._lasting: set[int] = set()

    def run(self) -> None:
        """Make all rows, as the kernel does; see how many are kept."""
        todo = [i for i in range(1, len(self._maps)) if not self._lazy(i)]
        while any(self._made[i] < self._height[i] for i in todo):
            before = sum(self._made)
            for i in todo:
                if self._made[i] < self._height[i] and self._ready(i):
                    self._made[i] += 1
                    self._note(i)
            if sum(self._made) == before:
                raise MynaError("cannot be computed row by row", where=f"map {self._maps[0].name}")
            self._lasting.update(home for home in set(self._home) if self._kept(home))

    def layout(self) -> tuple[tuple[Ring, ...], int, tuple[int, int, int]]:
        """Rings of all maps but the input, where windows are gathered, sizes of the workspaces.

        Rows that are read at once, by the next layers, take turns in two places.
        """
        ends = {"int8": 0, "int16": 0, "mean": 0}
        brief = [i for i in range(1, len(self._maps)) if self._brief(i)]
        largest = max((self._row(i) for i in brief), default=0)
        at: dict[int, int] = {i: turn % 2 * largest for turn, i in enumerate(brief)}
        ends["int8"] = 2 * largest
        for i in range(1, len(self._maps)):
            if self._lazy(i):
                at[i] = 0
            elif i not in at:
                mean = self._rule[i][0] == "mean"
                home, memory = self._home[i], "mean" if mean else self._maps[i].dtype
                at[i] = at[home] if home != i else ends[memory]
                ends[memory] += self._row(i) * (1 if mean else self.slots[i]) * (home == i)
        rings = tuple(Ring(at[i], self._slots_of(i)) for i in range(1, len(self._maps)))
        sizes = (ends["int8"] + self._gathered(), max(ends["int16"], 1), ends["mean"])
        return rings, ends["int8"], sizes

    def _slots_of(self, i: int) -> int:
        if self._lazy(i):
            return 0
        return 1 if self._rule[i][0] == "mean" else self.slots[self._home[i]]

    def _gathered(self) -> int:
        """The most elements that a window sees of maps other than the input."""
        taps = {i: 1 for i in range(1, len(self._maps)) if self._rule[i][0] in ("widen", "mean")}
        taps |= {
            i: node.op.window.kernel[0]
            for i, node in enumerate(self._layers, 1)
            if isinstance(node.op, Conv2D | DepthwiseConv2D)
        }
        return max((n * self._row(self._x[i]) for i, n in taps.items() if self._x[i]), default=0)

    def _row(self, i: int) -> int:
        return self._maps[i].size // self._maps[i].shape[0]

    def _lazy(self, i: int) -> bool:
        return self._rule[i][0] == "narrow"

    def _brief(self, i: int) -> bool:
        """Whether rows of a map are read before those of the map after the next are made."""
        if self._lazy(i) or self._maps[i].dtype != "int8" or self._rule[i][0] == "mean":
            return False
        making = [j for j in range(1, len(self._maps)) if not self._lazy(j)]
        ahead = making[making.index(i) + 1 :][:2]
        return i not in self._lasting and all(j in ahead for j in self._readers[i])

    def _ready(self, i: int) -> bool:
        _, stride, reach = self._rule[i]
        x, row = self._x[i], self._made[i]
        if i in self._branch and self._made[self._branch[i]] <= row:
            return False
        made = self._made[self._x[x] if self._lazy(x) else x]
        return made > min(row * stride + reach, self._height[x] - 1)

    def _reading(self, i: int) -> Iterator[int]:
        """The maps that are made of a map; what narrows it keeps no rows, but its readers do."""
        for j in range(1, len(self._maps)):
            if i in (self._x[j], self._branch.get(j)):
                yield from self._reading(j) if self._lazy(j) else (j,)

    def _oldest(self, i: int, *, but: int = 0) -> int:
        """The first row of a map that somebody still needs."""
        needed = [self._height[i]]
        for j in self._readers[i]:
            if j != but and self._made[j] < self._height[j]:
                needed.append(max(0, self._first(j, self._made[j])))
        return min(needed)

    def _first(self, i: int, row: int) -> int:
        """The first row that a map needs for one of its rows."""
        node = self._layers[i - 1]
        if isinstance(node.op, Conv2D | DepthwiseConv2D):
            return row * node.op.window.strides[0] - node.op.window.padding[0]
        return row

    def _kept(self, home: int) -> range:
        """The rows in a ring that somebody still needs."""
        spans = [
            range(self._oldest(i), self._made[i])
            for i, own in enumerate(self._home)
            if own == home and i and not self._lazy(i)
        ]
        alive = [span for span in spans if span]
        return range(min(s.start for s in alive), max(s.stop for s in alive)) if alive else range(0)

    def _note(self, i: int) -> None:
        home, x = self._home[i], self._x[i]
        if i in self._branch and self._oldest(x, but=i) < self._made[i]:
            where = f"layer {self._layers[i - 1].name}"
            raise MynaError("overwrites what is still needed", where=where)
        self.slots[home] = max(self.slots[home], len(self._kept(home)), 1)
