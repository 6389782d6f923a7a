# SPDX-License-Identifier: Apache-2.0
"""The verifier: one graph for each rule that breaks it, and an error that names the culprit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from myna.errors import MynaError
from myna.ir import Builder, Graph, Kind, Node, Quant, Tensor
from myna.ops.gradient import ClampGrad
from myna.ops.sgd import Advance
from myna.passes.check import check
from myna.passes.pipeline import Options, compile_model
from myna.passes.training.hindsight import RangeMode
from support import tiny

MASK = ClampGrad(0, 5)


def good() -> Graph:
    """Two nodes in a row, a constant, and a counter."""
    build = Builder(Graph("good", {}, (), ()))
    build.tensor(Tensor("x", (4,), "int8", Kind.INPUT))
    build.const("mask", np.arange(4, dtype=np.int8))
    build.state("step", np.zeros(1, np.int32))
    build.node("first", MASK, ("x", "mask"), ("y",))
    build.node("second", MASK, ("y", "x"), ("z",))
    build.node("advance", Advance(), ("step",), ("step",))
    build.outputs = ["z"]
    return build.build()


def node(index: int, **changes: Any) -> Graph:
    graph = good()
    nodes = list(graph.nodes)
    nodes[index] = replace(nodes[index], **changes)
    return replace(graph, nodes=tuple(nodes))


def tensor(name: str, **changes: Any) -> Graph:
    graph = good()
    return graph.with_tensors(replace(graph.tensors[name], **changes))


def appended(extra: Node) -> Graph:
    graph = good()
    return replace(graph, nodes=(*graph.nodes, extra))


def reordered() -> Graph:
    graph = good()
    return replace(graph, nodes=graph.nodes[::-1])


BROKEN = {
    "constant without data": (lambda: tensor("mask", data=None), "mask", "const data"),
    "state without data": (lambda: tensor("step", data=None), "step", "state data"),
    "value with data": (lambda: tensor("y", data=np.zeros(4, np.int8)), "y", "value data"),
    "input with data": (lambda: tensor("x", data=np.zeros(4, np.int8)), "x", "input data"),
    "data of another shape": (
        lambda: tensor("mask", data=np.zeros(5, np.int8)),
        "mask",
        "differs from its declaration",
    ),
    "data of another type": (
        lambda: tensor("mask", data=np.zeros(4, np.int16)),
        "mask",
        "differs from its declaration",
    ),
    "scale of zero": (lambda: tensor("y", quant=Quant((0.0,))), "y", "quantization"),
    "negative scale": (lambda: tensor("y", quant=Quant((1.0, -1.0))), "y", "quantization"),
    "infinite scale": (lambda: tensor("y", quant=Quant((np.inf,))), "y", "quantization"),
    "scale that is no number": (lambda: tensor("y", quant=Quant((np.nan,))), "y", "quantization"),
    "zero point outside int8": (lambda: tensor("y", quant=Quant((1.0,), 128)), "y", "quantization"),
    "name used twice": (lambda: node(1, name="first"), "first", "defined twice"),
    "read before it is assigned": (reordered, "second", "reads y before"),
    "read of an undeclared tensor": (
        lambda: node(0, inputs=("x", "nowhere")),
        "first",
        "reads nowhere",
    ),
    "write to an undeclared tensor": (
        lambda: node(1, outputs=("nowhere",)),
        "second",
        "makes nowhere, which is not declared",
    ),
    "value assigned twice": (lambda: node(1, outputs=("y",), inputs=("x", "x")), "second", "y"),
    "constant assigned": (lambda: node(1, outputs=("mask",)), "second", "must not assign mask"),
    "input assigned": (lambda: node(1, outputs=("x",), inputs=("y", "y")), "second", "assign x"),
    "state assigned without being read": (
        lambda: node(2, op=MASK, inputs=("x", "x"), outputs=("state8",)),
        "advance",
        "state8",
    ),
    "value updated in place": (lambda: node(1, outputs=("y",)), "second", "y, which is not state"),
    "state read after its update": (
        lambda: appended(Node("late", Advance(), ("step",), ("copy",))),
        "late",
        "reads step after its update",
    ),
    "wrong shape": (lambda: tensor("z", shape=(5,)), "second", "declares z as int8(5,)"),
    "wrong type": (lambda: tensor("z", dtype="int16"), "second", "declares z as int16"),
    "wrong number of outputs": (
        lambda: node(1, outputs=("z", "copy")),
        "second",
        "wrong number of outputs",
    ),
    "operands that do not fit": (lambda: tensor("x", shape=(5,)), "mask", "differs in shape"),
    "output never assigned": (
        lambda: replace(good(), outputs=("z", "copy")),
        "",
        "output copy is never assigned",
    ),
}
SPARE = (
    Tensor("copy", (1,), "int32"),
    Tensor("state8", (4,), "int8", Kind.STATE, data=np.zeros(4, np.int8)),
)


def test_a_good_graph_passes_unchanged() -> None:
    graph = good()
    assert check(graph) is graph


def test_state_may_be_updated_twice() -> None:
    check(appended(Node("again", Advance(), ("step",), ("step",))))


@pytest.mark.parametrize("name", BROKEN)
def test_broken_graphs_are_refused_by_name(name: str) -> None:
    make, culprit, what = BROKEN[name]
    with pytest.raises(MynaError) as error:
        check(make().with_tensors(*SPARE))
    assert what in error.value.what
    assert culprit in error.value.where


@pytest.mark.parametrize("name", ["plain", "reversible"])
def test_dropping_any_node_that_others_need_is_noticed(name: str) -> None:
    model = tiny.quantized(name)
    ranges = tiny.gradient_ranges(model, RangeMode.RELATIVE)
    graph = compile_model(model, ranges, Options()).graph
    read = {i for n in graph.nodes for i in n.inputs if graph.tensors[i].kind is Kind.VALUE}
    for dropped in graph.nodes:
        if read.intersection(dropped.outputs):
            rest = tuple(n for n in graph.nodes if n is not dropped)
            with pytest.raises(MynaError, match="before it is assigned"):
                check(replace(graph, nodes=rest))
