# SPDX-License-Identifier: Apache-2.0
"""The graph verifier, run after every pass."""

from __future__ import annotations

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
        _require(node.name not in names, "is defined twice", node)
        names.add(node.name)
        _check_reads(node, known, updated)
        _check_types(graph, node)
        for name in node.outputs:
            kind = graph.tensors[name].kind
            if name in node.updates:
                _require(kind is Kind.STATE, f"updates {name}, which is not state", node)
                updated.add(name)
            else:
                _require(kind is Kind.VALUE and name not in known, f"must not assign {name}", node)
                known.add(name)
    for name in graph.outputs:
        _require(name in known, f"output {name} is never assigned", graph.nodes[-1])
    return graph


def _check_tensor(tensor: Tensor) -> None:
    needs_data = tensor.kind in (Kind.CONST, Kind.STATE)
    if needs_data != (tensor.data is not None):
        raise MynaError(f"{tensor.kind.value} data is wrong", where=tensor.name, fix=FIX)
    if tensor.data is not None and (
        tensor.data.shape != tensor.shape or tensor.data.dtype != np.dtype(tensor.dtype)
    ):
        raise MynaError("data differs from its declaration", where=tensor.name, fix=FIX)
    if tensor.quant is not None:
        info = np.iinfo(tensor.dtype)
        scales = np.array(tensor.quant.scale)
        valid = info.min <= tensor.quant.zero_point <= info.max
        if not (valid and np.isfinite(scales).all() and (scales > 0).all()):
            raise MynaError("has an impossible quantization", where=tensor.name, fix=FIX)


def _check_reads(node: Node, known: set[str], updated: set[str]) -> None:
    for name in node.inputs:
        _require(name in known, f"reads {name} before it is assigned", node)
        stale = name in updated and name not in node.updates
        _require(not stale, f"reads {name} after its update", node)


def _check_types(graph: Graph, node: Node) -> None:
    types = node.op.infer(*(graph.tensors[name] for name in node.inputs))
    _require(len(types) == len(node.outputs), "has the wrong number of outputs", node)
    for name, (shape, dtype) in zip(node.outputs, types, strict=True):
        _require(name in graph.tensors, f"makes {name}, which is not declared", node)
        tensor = graph.tensors[name]
        _require(
            tensor.shape == tuple(shape) and tensor.dtype == dtype,
            f"declares {name} as {tensor.dtype}{tensor.shape}, makes {dtype}{tuple(shape)}",
            node,
        )


def _require(condition: bool, message: str, node: Node) -> None:
    if not condition:
        raise MynaError(message, where=f"node {node.name} ({type(node.op).__name__})", fix=FIX)
