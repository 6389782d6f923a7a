# SPDX-License-Identifier: Apache-2.0
"""Inference on rows that arrive equals that of whole windows among their neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from myna.device.target import PROJECT
from myna.errors import MynaError
from myna.ir import Array, Builder, Graph, Kind, Quant, Tensor
from myna.learn.stream import Stream
from myna.names import WRAPS
from myna.ops.add import Add
from myna.ops.base import Op
from myna.ops.concat import Concat
from myna.ops.conv2d import Conv2D
from myna.ops.coupling import Couple
from myna.ops.dense import Dense
from myna.ops.depthwise import DepthwiseConv2D
from myna.ops.max_pool import MaxPool
from myna.ops.mean import Mean
from myna.ops.pad import Pad
from myna.ops.pool import AveragePool
from myna.ops.requantize import Requantize
from myna.ops.reshape import Reshape
from myna.ops.window import Window
from myna.passes.pipeline import Options
from myna.passes.streaming.stream import StreamingProgram, stream
from myna.project import open_project
from support import streams

SEEDS = range(24)


class Net:
    """Grows a random network over a map, layer by layer."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> None:
        self.rng, self.build = rng, Builder(Graph("net", {}, (), ()))
        self.build.tensor(Tensor("x", shape, "int8", Kind.INPUT))

    def emit(self, op: Op, *inputs: str, dtype: str = "int8", updated: tuple[str, ...] = ()) -> str:
        name = f"{type(op).__name__}{len(self.build.nodes)}"
        self.build.node(name, op, (*inputs, *updated), (name, *updated))
        assert self.build.tensors[name].dtype == dtype
        return name

    def shape(self, name: str) -> tuple[int, ...]:
        return self.build.tensors[name].shape

    def weighted(self, kind: Any, x: str, shape: tuple[int, ...], **geometry: Any) -> str:
        op = kind.example(len(self.build.nodes), **geometry)
        cout = shape[-1] if kind is DepthwiseConv2D else shape[0]
        w = self.rng.integers(-127, 128, shape).astype(np.int8)
        data = (w, *kind.example_rest(self.rng, cout, max(w.size // cout, 1)))
        names = [
            self.build.const(f"{kind.__name__}{len(self.build.nodes)}.{i}", array)
            for i, array in enumerate(data)
        ]
        return self.emit(op, x, *names)

    def window(self, x: str, *, stride: int, same: bool = False) -> Window:
        size = self.shape(x)[:2]
        most = (1 + size[0] // 4, size[1])
        kernel = tuple(int(self.rng.integers(1, min(5, k) + 1)) for k in most)
        strides = (stride, 1 if same else int(self.rng.integers(1, 3)))
        padding = "same" if same or self.rng.integers(3) else "valid"
        return Window.of(size, kernel, strides, padding)

    def conv(self, x: str, stride: int, channels: int, *, same: bool = False) -> str:
        window = self.window(x, stride=stride, same=same)
        return self.weighted(Conv2D, x, (channels, *window.kernel, self.shape(x)[2]), window=window)

    def grown(self, x: str) -> str:
        """One more layer, or a few that belong together."""
        rng = self.rng
        stride = int(rng.choice([1, 1, 2, 3])) if self.shape(x)[0] > 16 else 1
        grow = [
            lambda: self.conv(x, stride, int(rng.integers(1, 5))),
            lambda: self.depthwise(x, self.window(x, stride=stride)),
            lambda: self.emit(MaxPool(self.window(x, stride=stride)), x),
            lambda: self.emit(AveragePool(self.window(x, stride=stride)), x),
            lambda: self.emit(Pad(tuple(int(n) for n in rng.integers(0, 3, 4)), -3), x),
            lambda: self.emit(Concat(), x, self.conv(x, 1, 2, same=True)),
            lambda: self.residual(x),
            lambda: self.two_streams(x),
        ]
        return grow[int(rng.integers(len(grow)))]()

    def depthwise(self, x: str, window: Window) -> str:
        return self.weighted(DepthwiseConv2D, x, (*window.kernel, self.shape(x)[2]), window=window)

    def residual(self, x: str) -> str:
        branch = self.conv(x, 1, self.shape(x)[2], same=True)
        sides = [Quant((scale,), zero) for scale, zero in ((0.1, 3), (0.07, -9), (0.13, 1))]
        return self.emit(Add.of(*sides, low=-128, high=127), x, branch)

    def two_streams(self, x: str) -> str:
        """Widened, coupled twice, and narrowed at the end."""
        if WRAPS not in self.build.tensors:
            self.build.state(WRAPS, np.zeros(1, np.int32))
        wide = Requantize("int8", "int16", 1 << 30, 7, 4, 0, -32768, 32767)
        narrow = Requantize("int16", "int8", 1 << 30, -6, 0, -5, -128, 127)
        a, b = (self.emit(wide, x, dtype="int16") for _ in range(2))
        for _ in range(2):
            branch = self.conv(self.emit(narrow, b), 1, self.shape(x)[2], same=True)
            a, b = b, self.emit(Couple(1 << 30, 6, 9), a, branch, dtype="int16", updated=(WRAPS,))
        return self.emit(narrow, b)

    def ended(self, x: str) -> Graph:
        """A mean over the window, or all of it; and a head."""
        h, w, c = self.shape(x)
        end = int(self.rng.integers(3))
        if end == 0:
            x = self.emit(AveragePool(Window((h, w), (h, w))), x)
        elif end == 1:
            x = self.emit(Mean.of(Quant((0.1,), 5), Quant((0.05,), -7), h * w), x)
        else:
            x = self.emit(Reshape((h * w * c,)), x)
        size = int(np.prod(self.shape(x)))
        self.build.outputs = [self.weighted(Dense, x, (4, size))]
        return self.build.build()


def network(seed: int) -> Graph:
    rng = np.random.default_rng(seed)
    net = Net(rng, (int(rng.integers(24, 40)), int(rng.integers(1, 6)), int(rng.integers(1, 3))))
    x = net.conv("x", int(rng.integers(1, 3)), 3)
    for _ in range(int(rng.integers(1, 6))):
        x = net.grown(x)
    return net.ended(x)


def noise(graph: Graph, rows: int, seed: int = 1) -> Array:
    row = graph.of_kind(Kind.INPUT)[0].shape[1:]
    return np.random.default_rng(seed).integers(-128, 128, (rows, *row)).astype(np.int8)


def found(graph: Graph, program: StreamingProgram, rows: Array) -> list[Array | None]:
    weights = {t.name: t.data for t in graph.tensors.values() if t.data is not None}
    running = Stream(program, weights, None)
    return [running.row(row) for row in rows]


@pytest.mark.parametrize("seed", SEEDS)
def test_streamed_logits_are_those_of_a_window_among_its_neighbours(seed: int) -> None:
    graph = network(seed)
    program = stream(graph)
    # as many rows before the first window and behind the last as could count
    margin = program.period * (program.warm_up + 8)
    rows = noise(graph, 2 * margin + graph.of_kind(Kind.INPUT)[0].shape[0])
    logits = found(graph, program, rows)
    expected = streams.Windows(graph, rows)
    height = graph.of_kind(Kind.INPUT)[0].shape[0]
    compared = 0
    for arrived, got in enumerate(logits, 1):
        begin = arrived - program.delay - height
        if got is not None and begin >= margin // 2 and arrived < len(rows) - program.period:
            assert begin % program.period == 0
            np.testing.assert_array_equal(got, expected.logits(begin), f"row {arrived}")
            compared += 1
    assert compared >= 2


@pytest.mark.parametrize("seed", SEEDS)
def test_logits_begin_when_all_that_counts_has_arrived(seed: int) -> None:
    """The first ones do not depend on what was before, and they come no later than need be."""
    graph = network(seed)
    program = stream(graph)
    silent = [False] * program.period * program.warm_up
    rows, before = noise(graph, len(silent) + program.period), noise(graph, 99 * program.period, 2)
    fresh = found(graph, program, rows)
    assert [logits is not None for logits in fresh] == [
        *silent,
        *[False] * (program.period - 1),
        True,
    ]
    later = found(graph, program, np.concatenate([before, rows]))
    np.testing.assert_array_equal(fresh[-1], later[-1])
    assert program.delay >= 0


@pytest.mark.parametrize("seed", range(8))
def test_without_padding_along_time_they_are_those_of_the_window_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    net = Net(rng, (21, 4, 2))
    x = net.weighted(Conv2D, "x", (3, 5, 2, 2), window=Window((5, 2), (2, 1), (0, 0, 1, 0)))
    x = net.weighted(DepthwiseConv2D, x, (3, 2, 3), window=Window((3, 2), (1, 2), (0, 0, 1, 1)))
    graph = net.ended(x)
    program = stream(graph)
    assert program.delay == 1  # the window ends between two steps
    rows, compared = noise(graph, 60), 0
    for arrived, got in enumerate(found(graph, program, rows)):
        if got is not None:
            np.testing.assert_array_equal(got, streams.alone(graph, rows[arrived - 21 : arrived]))
            compared += 1
    assert compared == 20


def test_what_is_kept_is_no_more_than_windows_need() -> None:
    net = Net(np.random.default_rng(0), (20, 3, 2))
    x = net.weighted(Conv2D, "x", (4, 5, 1, 2), window=Window((5, 1), (1, 1), (2, 2, 0, 0)))
    x = net.weighted(DepthwiseConv2D, x, (3, 1, 4), window=Window((3, 1), (1, 1), (1, 1, 0, 0)))
    program = stream(net.ended(x))
    kept = {name: t.shape for name, t in program.graph.tensors.items() if t.kind is Kind.STATE}
    assert kept["x.kept"] == (4, 3, 2)
    assert kept["Conv2D0.kept"] == (2, 3, 4)
    assert (program.period, program.delay) == (1, 3)


def refused(net: Net, x: str) -> str:
    net.build.outputs = [net.weighted(Dense, x, (4, int(np.prod(net.shape(x)))))]
    with pytest.raises(MynaError) as caught:
        stream(net.build.build())
    return str(caught.value)


def test_a_network_without_layers_along_time_is_refused() -> None:
    net = Net(np.random.default_rng(0), (10, 4, 1))
    said = refused(net, net.emit(Reshape((40,)), "x"))
    assert "Reshape0" in said
    assert "no layer before it works along time" in said


def test_a_convolution_of_what_is_no_sequence_any_more_is_refused() -> None:
    net = Net(np.random.default_rng(0), (12, 4, 1))
    x = net.emit(Reshape((6, 8, 2)), net.conv("x", 1, 2, same=True))
    said = refused(net, net.conv(x, 1, 3, same=True))
    assert "Conv2D2" in said
    assert "whole window" in said


@pytest.mark.parametrize("name", ["kws", "ds_cnn"])
def test_shipped_models_stream_as_the_specification_says(name: str) -> None:
    program = stream(open_project(PROJECT / "models" / name, Options(train="head")).program.graph)
    period = f"{program.period} rows, {20 * program.period} ms"
    delay = f"{program.delay} rows, {20 * program.delay} ms"
    sizes = f"{program.state_bytes:,} B | {program.arena.size:,} B"
    row = f"| `{name}` | {period} | {delay} | {program.warm_up} steps | {sizes} |"
    assert row in (PROJECT / "SPEC.md").read_text("utf-8")
