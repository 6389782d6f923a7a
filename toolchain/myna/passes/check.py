# SPDX-License-Identifier: Apache-2.0
"""The graph verifier, run after every pass."""

from __future__ import annotations

from functools import cache
from math import isfinite

import numpy as np

from myna.errors import MynaError
from myna.ir import Graph, Kind, Node, Tensor

FIX = "this is a defect of the pass that made the graph; please report it with the model"


def check(graph: Graph) -> Graph:
    """Return the graph unchanged if it is well formed.

    Every tensor is declared and typed as its op says, values are assigned once before they are
    read, constants never, and a state tensor is not read after its update except to update it
    again.

    Raises:
        MynaError: naming the first tensor or node that breaks a rule.
    """
    for tensor in graph.tensors.values():
        _check_tensor(tensor)
    known = {t.name for t in graph.tensors.values() if t.kind is not Kind.VALUE}
    updated: set[str] = set()
    names: set[str] = set()
    for node in graph.nodes:
        if node.name in names:
            raise _error("is defined twice", node)
        names.add(node.name)
        _check_reads(node, known, updated)
        _check_types(graph, node)
        for name in node.outputs:
            kind = graph.tensors[name].kind
            if name in node.inputs:
                if kind is not Kind.STATE:
                    raise _error(f"updates {name}, which is not state", node)
                updated.add(name)
            else:
                if kind is not Kind.VALUE or name in known:
                    raise _error(f"must not assign {name}", node)
                known.add(name)
    for name in graph.outputs:
        if name not in known:
            raise _error(f"output {name} is never assigned", graph.nodes[-1])
    return graph


def _check_tensor(tensor: Tensor) -> None:
    needs_data = tensor.kind in (Kind.CONST, Kind.STATE, Kind.SECRET)
    if needs_data != (tensor.data is not None):
        raise MynaError(f"{tensor.kind.value} data is wrong", where=tensor.name, fix=FIX)
    if tensor.data is not None and (
        tensor.data.shape != tensor.shape or tensor.data.dtype != np.dtype(tensor.dtype)
    ):
        raise MynaError("data differs from its declaration", where=tensor.name, fix=FIX)
    if tensor.quant is not None:
        low, high = _limits(tensor.dtype)
        scales = tensor.quant.scale  # of which a sum is finite only if all are
        positive = isfinite(sum(scales)) and min(scales) > 0
        if not (positive and low <= tensor.quant.zero_point <= high):
            raise MynaError("has an impossible quantization", where=tensor.name, fix=FIX)


@cache
def _limits(dtype: str) -> tuple[int, int]:
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def _check_reads(node: Node, known: set[str], updated: set[str]) -> None:
    for name in node.inputs:
        if name not in known:
            raise _error(f"reads {name} before it is assigned", node)
        if name in updated and name not in node.outputs:
            raise _error(f"reads {name} after its update", node)


def _check_types(graph: Graph, node: Node) -> None:
    types = node.op.infer(*map(graph.tensors.__getitem__, node.inputs))
    if len(types) != len(node.outputs):
        raise _error("has the wrong number of outputs", node)
    for name, (shape, dtype) in zip(node.outputs, types, strict=True):
        if (tensor := graph.tensors.get(name)) is None:
            raise _error(f"makes {name}, which is not declared", node)
        if tensor.shape != tuple(shape) or tensor.dtype != dtype:
            declared = f"declares {name} as {tensor.dtype}{tensor.shape}"
            raise _error(f"{declared}, makes {dtype}{tuple(shape)}", node)


def _error(message: str, node: Node) -> MynaError:
    return MynaError(message, where=f"node {node.name} ({type(node.op).__name__})", fix=FIX)
