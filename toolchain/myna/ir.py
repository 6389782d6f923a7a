# SPDX-License-Identifier: Apache-2.0
"""The graph that every pass reads and returns: frozen tensors, nodes and graphs.

A graph is a straight list of nodes in execution order. Values are assigned once; *state* tensors
(weights, ranges, counters) may be updated in place, and a node that does so names the tensor among
its inputs and its outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from math import prod
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from myna.errors import MynaError

Array = npt.NDArray[Any]


class Kind(Enum):
    """Where a tensor lives."""

    INPUT = "input"  # written by the caller before a run; arena
    CONST = "const"  # flash
    STATE = "state"  # RAM, kept between runs, part of a checkpoint
    SECRET = "secret"  # RAM, kept between runs, in no state block: it never leaves the device
    VALUE = "value"  # arena


@dataclass(frozen=True)
class Quant:
    """Affine quantization: ``real = scale * (q - zero_point)``; one scale, or one per channel."""

    scale: tuple[float, ...]
    zero_point: int = 0


@dataclass(frozen=True)
class Tensor:
    """A named array: ``data`` holds a constant, or what a state or secret tensor is at first."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    kind: Kind = Kind.VALUE
    quant: Quant | None = None
    data: Array | None = field(default=None, compare=False, repr=False)

    @cached_property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @cached_property
    def nbytes(self) -> int:
        """Number of bytes."""
        return self.size * np.dtype(self.dtype).itemsize

    @property
    def scale(self) -> float:
        """The only scale of a per-tensor quantized tensor."""
        if self.quant is None or len(self.quant.scale) != 1:
            raise MynaError("needs exactly one scale", where=f"tensor {self.name}")
        return self.quant.scale[0]

    @property
    def zero_point(self) -> int:
        """The zero point; 0 where there is no quantization."""
        return self.quant.zero_point if self.quant else 0


class Operation(Protocol):
    """What a graph must know of an op; `myna.ops.base.Op` is the base of all there are."""

    @property
    def kernel(self) -> str:
        """The C function."""

    @property
    def struct(self) -> str:
        """The type of the C function's parameters; empty if it takes none."""

    @property
    def shares(self) -> tuple[tuple[int, int], ...]:
        """The pairs (input, output) that may share memory."""

    @property
    def observer(self) -> bool:
        """Whether it only watches, and so keeps nothing alive."""

    def infer(self, *inputs: Tensor) -> tuple[tuple[tuple[int, ...], str], ...]:
        """Shapes and dtypes of the outputs."""

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        """The outputs, in NumPy integers."""

    def params(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> Mapping[str, int]:
        """The fields of the kernel's parameter struct."""


@dataclass(frozen=True)
class Node:
    """One operation: ``op`` carries type and attributes, tensors are named."""

    name: str
    op: Operation
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def updates(self) -> tuple[str, ...]:
        """The state tensors that this node updates in place."""
        return tuple(name for name in self.outputs if name in self.inputs)


@dataclass(frozen=True)
class Graph:
    """Nodes in execution order, the tensors they name, and the values that outlive the run."""

    name: str
    tensors: Mapping[str, Tensor]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]

    def of_kind(self, kind: Kind) -> tuple[Tensor, ...]:
        """All tensors of one kind, in order of definition."""
        return tuple(t for t in self.tensors.values() if t.kind is kind)

    def with_nodes(self, nodes: Iterable[Node]) -> Graph:
        """The same graph with other nodes, without the tensors that no node names any more."""
        kept = tuple(nodes)
        used = {name for node in kept for name in (*node.inputs, *node.outputs)}
        used.update(self.outputs)
        tensors = {
            n: t for n, t in self.tensors.items() if n in used or t.kind in (Kind.INPUT, Kind.STATE)
        }
        return replace(self, nodes=kept, tensors=tensors)

    def with_tensors(self, *tensors: Tensor) -> Graph:
        """The same graph with tensors added or replaced."""
        return replace(self, tensors={**self.tensors, **{t.name: t for t in tensors}})


class Builder:
    """Grows a graph node by node; the only place where tensors get their shapes inferred."""

    def __init__(self, graph: Graph) -> None:
        self.name, self.outputs = graph.name, list(graph.outputs)
        self.tensors, self.nodes = dict(graph.tensors), list(graph.nodes)

    def tensor(self, tensor: Tensor) -> str:
        """Declare a tensor and return its name; the name must be new."""
        if tensor.name in self.tensors:
            raise MynaError("is defined twice", where=f"tensor {tensor.name}")
        self.tensors[tensor.name] = tensor
        return tensor.name

    def const(self, name: str, data: Array, quant: Quant | None = None) -> str:
        """Declare a constant."""
        return self.tensor(Tensor(name, data.shape, str(data.dtype), Kind.CONST, quant, data))

    def state(self, name: str, data: Array, quant: Quant | None = None) -> str:
        """Declare a state tensor with its initial value."""
        return self.tensor(Tensor(name, data.shape, str(data.dtype), Kind.STATE, quant, data))

    def node(self, name: str, op: Operation, inputs: Iterable[str], outputs: Iterable[str]) -> None:
        """Append a node; outputs that do not exist yet are declared with the op's types."""
        node = Node(name, op, tuple(inputs), tuple(outputs))
        results = op.infer(*(self.tensors[i] for i in node.inputs))
        for output, (shape, dtype) in zip(node.outputs, results, strict=True):
            if output not in self.tensors:
                self.tensors[output] = Tensor(output, shape, dtype)
        self.nodes.append(node)

    def requantized(self, name: str, quant: Quant) -> None:
        """Set the quantization of a declared tensor."""
        self.tensors[name] = replace(self.tensors[name], quant=quant)

    def build(self) -> Graph:
        """The finished graph."""
        return Graph(self.name, dict(self.tensors), tuple(self.nodes), tuple(self.outputs))


def rename(node: Node, change: Callable[[str], str]) -> Node:
    """The same node with its tensors renamed."""
    return replace(
        node, inputs=tuple(map(change, node.inputs)), outputs=tuple(map(change, node.outputs))
    )
