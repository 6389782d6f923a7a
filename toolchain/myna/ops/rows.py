# SPDX-License-Identifier: Apache-2.0
"""Layers that are computed row by row, so that few rows of each map exist at a time.

The result is that of the layers one after the other, which is the reference. When a row is made,
and how many rows of a map are kept, `passes.memory.rowwise` decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from myna.ir import Array, Graph, Node, Tensor
from myna.names import WRAPS
from myna.ops.base import SCALAR, Case, Op, Type, expect
from myna.ops.conv2d import Conv2D
from myna.ops.coupling import Couple
from myna.ops.depthwise import DepthwiseConv2D
from myna.ops.layer import Layer
from myna.ops.pool import AveragePool
from myna.ops.requantize import Requantize
from myna.ops.two_streams import two_streams

MAX_STAGES = 64  # ROWS_MAX of firmware/kernels/rows.h
KINDS = ("input", "conv2d", "depthwise", "widen", "narrow", "couple", "mean")


@dataclass(frozen=True)
class Ring:
    """Where rows of a map are kept: row r at element ``at + r % slots * size``.

    No slots: its rows are made whenever they are read. A mean has one, and is kept at ``at``.
    """

    at: int
    slots: int


@dataclass(frozen=True)
class Rows(Op):
    """Inputs: x int8 [h, w, c], all weights int8, all biases, mantissas and shifts int32, wraps.

    Outputs: y int8 [1, 1, c], the means that the last layers make, joined; the workspaces int8,
    int16 and int32, which the kernel leaves full of zeros; wraps (updated).

    Attributes:
        layers: in order; couplings work in place, means are of whole maps.
        maps: x, then what each layer makes.
        constants: of all layers in order, without their data: w, bias, mantissa, shift of each.
        rings: of all maps but x.
        window_at: element of the int8 workspace from which on rows are gathered for a window.
        sizes: elements of the three workspaces.
    """

    layers: tuple[Node, ...]
    maps: tuple[Tensor, ...]
    constants: tuple[Tensor, ...]
    rings: tuple[Ring, ...]
    window_at: int
    sizes: tuple[int, int, int]
    kernel: ClassVar[str] = "myna_rows_s8"
    struct: ClassVar[str] = "rows"

    def infer(self, *inputs: Tensor) -> tuple[Type, ...]:
        expect(inputs[0].shape == self.maps[0].shape, "is not the map that was cut", inputs[0])
        means = sum(t.shape[2] for t in self.maps if self._maker(t.name, AveragePool))
        work = zip(self.sizes, ("int8", "int16", "int32"), strict=True)
        return (((1, 1, means), "int8"), *(((size,), dtype) for size, dtype in work), SCALAR)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        x, weights, words, wraps = inputs
        values = {self.maps[0].name: x, WRAPS: wraps}
        blobs, at = {"int8": weights, "int32": words}, {"int8": 0, "int32": 0}
        for tensor in self.constants:
            begin = at[tensor.dtype]
            at[tensor.dtype] += tensor.size
            piece = blobs[tensor.dtype][begin : at[tensor.dtype]]
            values[tensor.name] = piece.reshape(tensor.shape)
        for node in self.layers:
            outputs = node.op.reference(*(values[name] for name in node.inputs))
            values.update(zip(node.outputs, outputs, strict=True))
        means = [values[n.outputs[0]] for n in self.layers if isinstance(n.op, AveragePool)]
        work = zip(self.sizes, (np.int8, np.int16, np.int32), strict=True)
        zeros = (np.zeros(size, dtype) for size, dtype in work)
        return (np.concatenate(means, axis=-1), *zeros, values[WRAPS].copy())

    def inner(self) -> Graph:
        """The layers as a graph of their own."""
        return Graph("rows", {t.name: t for t in (*self.maps, *self.constants)}, self.layers, ())

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> dict[str, int]:
        rows = [t.shape[0] for t in self.maps]
        fields = {"count": len(self.maps), "window_at": self.window_at}
        fields |= dict(zip(("narrow", "wide", "sums"), self.sizes, strict=True))
        fields |= {"stages[0].height": rows[0], "stages[0].slots": rows[0]}
        fields["stages[0].size"] = _row(self.maps[0]).size
        places = {t.name: i for i, t in enumerate(self.maps)}
        total, at = 0, {"int8": 0, "int32": 0}
        for stage, (node, ring) in enumerate(zip(self.layers, self.rings, strict=True), 1):
            own = self._stage(node, places, at) | {"at": ring.at, "slots": ring.slots}
            total += own["height"] if ring.slots else 0
            fields |= {f"stages[{stage}].{key}": value for key, value in own.items()}
        return fields | {"rows": total}

    def _stage(self, node: Node, places: Mapping[str, int], at: dict[str, int]) -> dict[str, int]:
        """The C fields of a layer; moves `at`, where its constants begin, behind them."""
        maps = self.inner().tensors
        op, x, y = node.op, maps[node.inputs[0]], maps[node.outputs[0]]
        kind, stride, reach = kind_of(node)
        fields = {"kind": KINDS.index(kind), "x": places[x.name], "stride": stride, "reach": reach}
        fields |= {"height": y.shape[0], "size": _row(y).size}
        if isinstance(op, AveragePool):
            return fields | {"height": x.shape[0], "count": x.size // x.shape[2]}
        if isinstance(op, Couple):
            fields["branch"] = places[node.inputs[1]]
        member = {"widen": "requantize", "narrow": "requantize", "couple": "coupling"}
        rows = op.params((_row(x), *(maps[n] for n in node.inputs[1:2] if n in maps)), (_row(y),))
        fields |= {f"as.{member.get(kind, kind)}.{key}": v for key, v in rows.items()}
        if isinstance(op, Layer):
            fields |= {"w": at["int8"], "q": at["int32"]}
            for name in node.inputs[1:]:
                at[maps[name].dtype] += maps[name].size
        return fields

    def _maker(self, name: str, kind: type[Op]) -> bool:
        return any(name in n.outputs and isinstance(n.op, kind) for n in self.layers)

    @classmethod
    def cases(cls) -> Iterator[Case]:
        rng = np.random.default_rng(40)
        for i, (shape, strides) in enumerate([((9, 4, 2), (2, 1)), ((6, 3, 3), (1, 1))]):
            layers, maps, arrays = two_streams(rng, i, shape, strides)
            rows, row = maps[1].shape[0], _row(maps[1]).size
            whole = rows * row
            kept = {"stem": 0, "a": 0, "b": whole, "dw": whole, "sum": 0}
            means = {"mean_a": 0, "mean_b": maps[1].shape[2]}
            rings = [
                Ring(means.get(n.name, kept.get(n.name, 0)), rows * (n.name in kept))
                for n in layers
            ]
            rings[-2:] = (Ring(at, 1) for at in means.values())
            op = cls(
                layers,
                maps,
                tuple(Tensor(name, a.shape, str(a.dtype)) for name, a in arrays.items()),
                tuple(rings),
                2 * whole,
                (2 * whole + 3 * row, 2 * whole, 2 * maps[1].shape[2]),
            )
            blobs = (joined(arrays.values(), dtype) for dtype in ("int8", "int32"))
            x, wraps = rng.integers(-128, 128, shape).astype(np.int8), np.array([i], np.int32)
            yield Case(f"rows{i}", op, (x, *blobs, wraps), updates=(3,))


def joined(arrays: Iterable[Array], dtype: str) -> Array:
    """All arrays of one type, flat, one behind the other."""
    return np.concatenate([array.reshape(-1) for array in arrays if array.dtype == dtype])


def kind_of(node: Node) -> tuple[str, int, int]:
    """What a layer is called in C; row r of it needs rows of x up to r · stride + reach."""
    op = node.op
    if isinstance(op, Conv2D | DepthwiseConv2D):
        window, kind = op.window, "conv2d" if isinstance(op, Conv2D) else "depthwise"
        return kind, window.strides[0], window.kernel[0] - 1 - window.padding[0]
    if isinstance(op, Requantize):
        return "widen" if op.to_type == "int16" else "narrow", 1, 0
    return "couple" if isinstance(op, Couple) else "mean", 1, 0


def _row(map_: Tensor) -> Tensor:
    return replace(map_, shape=(1, *map_.shape[1:]))
